"""Articles, turns and status to HTML: spans stay exact, text stays text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from rag.types import Answer, Article, Citation, Claim
from rag.window.article import Spot, lay_out
from rag.window.render import article_html, columns, conversation_html, day, notice_html, percent, status_html, web_address
from rag.window.startup import Status
from rag.window.turns import Turn

EVIL = "<img src=x onerror=alert(1)> & \"quoted\" 'text' {{ 7 * 7 }} ${8 * 8}"


class Elements(HTMLParser):
    """Collects the elements, their attributes and the text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def article(text: str, **fields: str) -> Article:
    return Article("one", fields.pop("title", "A title"), text, **fields)


def marked(text: str, *spots: Spot) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Return the marked pieces of an article: text, numbers, and the numbers that open there."""
    blocks, _ = lay_out(article(text), spots)
    return [(piece.text, piece.numbers, piece.opens) for block in blocks for piece in block.pieces if piece.numbers]


def test_a_span_is_marked_where_it_stands() -> None:
    assert marked("One fire. Two boats.", Spot(1, 10, 20)) == [("Two boats.", (1,), (1,))]


def test_overlapping_spans_are_cut_where_they_meet_and_numbered_once() -> None:
    pieces = marked("abcdefgh ijkl.", Spot(1, 0, 6), Spot(2, 3, 8))
    assert pieces == [("abc", (1,), (1,)), ("def", (1, 2), (2,)), ("gh", (2,), ())]


def test_a_span_over_two_paragraphs_is_marked_in_both_and_numbered_once() -> None:
    assert marked("Fire came.\n\nBoats went.", Spot(4, 5, 17)) == [("came.", (4,), (4,)), ("Boats", (4,), ())]


def test_markdown_marks_are_hidden_and_what_they_style_is_styled() -> None:
    text = "## A heading here\n\nThe *old* ice **house** burned, 2 * 3 * 4.\n"
    blocks, _ = lay_out(article(text), [Spot(1, text.index("*old"), text.index(" burned"))])
    assert [piece.text for piece in blocks[0].pieces] == ["A heading here"]
    assert [(p.text, p.style) for p in blocks[1].pieces if p.numbers] == [("old", "em"), (" ice ", ""), ("house", "strong")]
    assert "".join(p.text for p in blocks[1].pieces).strip() == "The old ice house burned, 2 * 3 * 4."


def test_a_quote_that_has_moved_is_found_again_and_one_that_is_gone_is_named() -> None:
    text = "New first sentence. The fire destroyed boats."
    blocks, lost = lay_out(article(text), [Spot(1, 0, 25, "The fire destroyed boats."), Spot(2, 3, 9, "No such words")])
    assert [(p.text, p.numbers) for block in blocks for p in block.pieces if p.numbers] == [("The fire destroyed boats.", (1,))]
    assert lost == (2,)
    assert "Footnote 2 quoted words that it no longer holds" in " ".join(
        article_html(article(text), [Spot(2, 3, 9, "No such words")]).split()
    )


@pytest.mark.parametrize("spot", [Spot(1, -3, 4), Spot(1, 5, 5), Spot(1, 9, 3), Spot(1, 0, 10**9)])
def test_a_span_outside_the_article_marks_nothing(spot: Spot) -> None:
    assert marked("One fire. Two boats.", spot) == []


def test_a_list_keeps_its_lines() -> None:
    blocks, _ = lay_out(article("Some words.\n\n- one boat\n- two boats\n"), [])
    assert [block.listed for block in blocks] == [False, True]


def test_whatever_an_article_holds_its_text_comes_back_unchanged_and_without_markup() -> None:
    shown = Elements(
        article_html(article(f"Words {EVIL}.", title=EVIL, publisher=EVIL, date=EVIL, edition=EVIL, url=EVIL), [Spot(1, 0, 12)])
    )
    assert shown.text.count(EVIL) == 5
    assert "img" not in shown.tags
    assert not [name for name, _ in shown.attributes if name.startswith("on")]


def test_whatever_a_model_or_a_reader_writes_comes_back_without_markup() -> None:
    citation = Citation(1, EVIL, EVIL, 0, 4, EVIL, "javascript:alert(1)", EVIL, EVIL, EVIL)
    answer = Answer(EVIL, EVIL, (Claim(EVIL, (citation,), 1.0, "quoted"),), disagreement=True, model=EVIL)
    refusal = Answer(EVIL, EVIL, refused=True, model=EVIL)
    turns = [Turn(EVIL, answer, "answered"), Turn(EVIL, refusal, "answered"), Turn(EVIL, ending="failed", problem=EVIL)]
    shown = Elements(conversation_html(turns, {EVIL: EVIL}, suggestions=[EVIL]))
    assert {"img", "a", "script"}.isdisjoint(shown.tags)
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert shown.text.count(EVIL) >= 10


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//host/x", "HTTP s://x", "https://a b", 'https://x"y', ""]
)
def test_only_http_addresses_become_links(url: str) -> None:
    assert web_address(url) == ""
    assert "<a " not in article_html(article("Some words here.", url=url), [])


def test_a_web_address_becomes_a_link_that_tells_the_publisher_nothing() -> None:
    shown = Elements(article_html(article("Some words here.", url="https://example.org/a?b=1&c=2", edition="retelling"), []))
    assert ("href", "https://example.org/a?b=1&c=2") in shown.attributes
    assert ("rel", "noopener noreferrer") in shown.attributes
    assert "A retelling in other words" in shown.text


def test_claims_of_a_disagreement_are_grouped_by_their_sources() -> None:
    a, b = Citation(1, "a", "A", 0, 1, "x", publisher="Gull"), Citation(2, "b", "B", 0, 1, "y")
    answer = Answer(
        "", "", (Claim("one", (a,), 1, "quoted"), Claim("two", (b,), 1, "quoted"), Claim("three", (a,), 1, "quoted")), disagreement=True
    )
    assert [(column.source, [claim.text for claim in column.claims]) for column in columns(answer)] == [
        ("Gull", ["one", "three"]),
        ("B", ["two"]),
    ]


def test_small_words_are_right() -> None:
    assert [day("2024-05-02"), day("May"), percent(0.899), percent(-1), percent(7)] == ["2 May 2024", "May", "90 %", "0 %", "100 %"]
    assert "1 article · 3 passages" in " ".join(status_html(Status("ready", articles=1, passages=3, model="m")).split())
    assert notice_html(Status("ready")) == ""
    assert 'max="10" value="3"' in notice_html(Status("indexing", 3, 10))


def test_a_title_that_the_text_begins_with_is_shown_once_unless_it_is_cited() -> None:
    text = "# A title\n\nSome words here.\n"
    assert Elements(article_html(article(text), [])).text.count("A title") == 1
    assert Elements(article_html(article(text), [Spot(1, 2, 9, "A title")])).text.count("A title") == 2
