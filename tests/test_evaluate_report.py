"""The report: complete in itself, escaped, readable by a browser without any host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rag.config import Settings
from rag.evaluation import charts
from rag.evaluation.report import coded
from rag.evaluation.statistics import Bin, Estimate, RiskCoverage, risk_coverage
from rag.text import printable
from tests.conftest import QueueReader
from tests.test_evaluate_run import QUESTIONS, Bench

EVIL = '<script>alert(1)</script><img src="http://evil.example/x" onerror="alert(2)">"\'>\x1b[31mred\u202e'


class Page(HTMLParser):
    """Keeps every element with its attributes, and the text outside of script and style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._skip = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._skip = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._skip else data


@pytest.fixture
def bench(tmp_path: Path, settings: Settings) -> Bench:
    return Bench(tmp_path, settings)


def report(bench: Bench, *options: object, reader: QueueReader | None = None) -> str:
    bench.run("--html", bench.folder / "out.html", *options, reader=reader)
    return (bench.folder / "out.html").read_text(encoding="utf-8")


def evil_questions() -> list[dict[str, Any]]:
    return [
        {**QUESTIONS[0], "id": EVIL, "type": EVIL + "t", "question": f"How many boats {EVIL}?", "answer": EVIL, "must_include": [[EVIL]],
         "must_not_include": [EVIL], "history": [{"role": "user", "content": EVIL}]},
    ]  # fmt: skip


def test_the_report_is_complete_in_itself(bench: Bench) -> None:
    html = report(bench)
    page = Page(html)
    assert not [attributes for _, attributes in page.elements if {"src", "href", "srcset", "style", "action"} & set(attributes)]
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert {tag for tag, _ in page.elements} & {"link", "iframe", "object", "embed", "img", "base"} == set()


def test_the_report_shows_questions_answers_quotes_and_what_was_expected(bench: Bench) -> None:
    text = Page(report(bench)).text
    for shown in (
        "How many boats did the fire",
        "The fire destroyed 12 boats and the old ice house.",
        "must say 12 / twelve",
        "It destroyed 12.",
    ):
        assert shown in text
    assert "A refusal: the articles do not tell." in text


def test_failures_come_first(bench: Bench) -> None:
    outcomes = [
        attributes["data-outcome"] for tag, attributes in Page(report(bench)).elements if tag == "tr" and "data-outcome" in attributes
    ]
    assert len(outcomes) == 4
    assert outcomes == sorted(outcomes, key=lambda outcome: outcome != "wrong")
    assert "wrong" in outcomes


def test_a_signal_that_is_the_same_for_every_answer_is_no_curve(bench: Bench) -> None:
    """Quotes have support 1 all of them, so that support can order nothing; scores differ."""
    text = Page(report(bench, "--no-reader")).text
    assert "best sentence's score" in text
    assert "weakest claim's support" not in text


def test_nothing_in_a_question_an_article_or_an_answer_becomes_markup(bench: Bench, corpus: Path) -> None:
    """Row X9."""
    harmless = [tag for tag, _ in Page(report(bench, "--limit", 1)).elements]
    evil = EVIL.replace("\x1b", "").replace("\u202e", "")
    (corpus / "harbour.md").write_text(
        f"---\ntitle: {json.dumps(evil)}\n---\nThe fire destroyed 12 boats {evil} and the old ice house.\n", encoding="utf-8"
    )
    bench.write([{**evil_questions()[0], "evidence": [{"article": "harbour", "quote": f"12 boats {evil} and"}]}])
    html = report(bench, reader=QueueReader(f"[1] The fire destroyed 12 boats {evil}"))
    page = Page(html)
    assert {tag for tag, _ in page.elements} <= {*harmless, "br", "div", "p"}
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert not {"\x1b", "\u202e"} & set(html)


def test_the_shell_shows_no_control_sequence_and_no_markup_of_a_question(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Row X9."""
    bench.write([{**QUESTIONS[0], "type": "fact\x1b[31m[bold]x"}])
    bench.run()
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[bold]x" in printed


def test_a_bar_not_met_and_a_comparison_are_told_in_the_report(bench: Bench) -> None:
    bench.json(name="old.json")
    text = Page(report(bench, "--fail-under", "questions-right=0.9", "--compare", bench.folder / "old.json")).text
    assert "questions right is 0.7500, under the bar of 0.9" in text
    assert "4 questions of both runs" in text


def test_printable_text_has_no_control_characters_and_keeps_its_spaces() -> None:
    assert printable("a\x1b[1m b\u202e\ud800\n ") == "a[1m b\n "


def test_code_in_a_definition_is_set_as_code_and_all_else_escaped() -> None:
    assert coded("says `must_include` <b>") == "says <code>must_include</code> &lt;b&gt;"


ONE = Estimate(0.5, None, None, 1)
SURE = Estimate(0.5, 0.25, 0.75, 8)


@pytest.mark.parametrize(
    "svg",
    [
        charts.track(SURE),
        charts.rates({"fact": SURE, EVIL: ONE}, EVIL),
        charts.recall_curve({"sentences": {1: SURE, 10: SURE}, "passages": {1: ONE, 10: ONE}}, "recall"),
        charts.risk_coverage_curve(
            {"score": risk_coverage([2, 1], [False, True], 3), "support": RiskCoverage((0.5,), (0.0,), 0.0)}, "risk"
        ),
        charts.reliability_curve([Bin(0.8, 0.9, 3, 0.85, 0.5)], "reliability"),
        charts.bars({"read": (1.0, 2.0, "1 / 2 s"), "check": (0.0, 0.0, "0")}, "time"),
        charts.bars({"none": (0.0, 0.0, "")}, "nothing"),
    ],
)
def test_a_chart_is_well_formed_and_lies_within_its_frame(svg: str) -> None:
    root = ElementTree.fromstring(str(svg))
    x, y, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        for name in ("x", "cx", "x1", "x2"):
            assert x <= float(element.attrib.get(name, x)) <= x + width
        for name in ("y", "cy", "y1", "y2"):
            assert y <= float(element.attrib.get(name, y)) <= y + height
    assert {element.tag for element in root.iter()} <= {"svg", "g", "line", "circle", "path", "rect", "text", "title"}


def test_a_rate_is_drawn_where_it_belongs() -> None:
    """An independent reading of the picture: the dot of 50 % lies half way between the ticks of 0 and 100 %."""
    root = ElementTree.fromstring(str(charts.rates({"fact": SURE}, "by type")))
    ticks = {element.text: float(element.attrib["x"]) for element in root if element.attrib.get("class") == "tick"}
    [dot] = root.iter("circle")
    assert float(dot.attrib["cx"]) == pytest.approx((ticks["0 %"] + ticks["100 %"]) / 2)


@pytest.fixture
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    found = next((path for path in map(Path, ("/usr/bin/chromium", "/usr/bin/google-chrome")) if path.exists()), None)
    if found is None:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(found), args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.mark.browser
def test_the_report_works_in_a_browser_and_asks_no_host(bench: Bench, browser: Any) -> None:
    bench.write([*QUESTIONS, *evil_questions()])
    report(bench)
    page = browser.new_page(viewport={"width": 390, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append("a dialog"))
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
    page.goto((bench.folder / "out.html").as_uri())
    assert page.inner_text("output") == "5 of 5 shown"
    page.fill("input[type=search]", "GIRAFFE")
    assert page.inner_text("output") == "1 of 5 shown"
    assert page.locator(".questions tbody tr:visible").count() == 1
    page.fill("input[type=search]", "")
    page.select_option(".filters select >> nth=0", "words missing")
    assert "a new pier" in page.inner_text(".questions tbody tr:visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    definition = page.locator(".metrics tbody tr:not(.group) td:last-child").first.bounding_box()
    assert 0 <= definition["x"] < definition["x"] + definition["width"] <= 390
    assert complaints == []
