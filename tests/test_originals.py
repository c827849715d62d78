"""The originals of the retellings: fetched from their publishers' pages, checked, put in the retellings' place, and out again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rag import library
from rag.cli import main
from rag.config import PROJECT, Settings
from rag.corpus import load_corpus
from rag.errors import CorpusError
from rag.evaluation.questions import load_questions
from rag.evaluation.run import evaluate
from rag.evaluation.summary import ALL, summarise
from rag.fetch import fetch
from rag.pipeline import Assistant

from .servers import Site, answer, article_page, redirect, serve
from .test_library import files

fetch_here = partial(fetch, allow_private=True)


def paragraphs(text: str) -> list[str]:
    return [" ".join(block.split()) for block in text.split("\n\n") if block.strip()]


@pytest.fixture
def publishers(shared: Path) -> Iterator[Site]:
    """Serve the two originals as their publishers' pages would show them."""
    marie = paragraphs(re.sub(r"\A\s*date \S+", "", (shared / "articles" / "ending-explained.txt").read_text()))
    title, *meaww = paragraphs((shared / "articles" / "finale-twist.txt").read_text())
    pages = {
        "/ending-explained": article_page("'All Her Fault' Ending, Explained", marie, site="Marie Claire Magazine", date="2025-11-10"),
        "/finale-twist": article_page(title, meaww, site="MEAWW"),
    }
    with serve({path: answer(page) for path, page in pages.items()}) as site:
        yield site


@pytest.fixture
def retellings(tmp_path: Path) -> Path:
    """Return a copy of the bundled corpus whose addresses lead nowhere until a test says where."""
    folder = tmp_path / "retold"
    folder.mkdir()
    for file in (PROJECT / "corpus").glob("*.md"):
        (folder / file.name).write_text(re.sub(r"^url: .*$", f"url: http://127.0.0.1:9/{file.stem}", file.read_text(), flags=re.M))
    return folder


def lead_to(folder: Path, site: Site) -> None:
    for file in folder.glob("*.md"):
        file.write_text(file.read_text().replace("http://127.0.0.1:9/", f"{site.url}/"))


def test_originals_take_the_retellings_place_and_go_out_again(retellings: Path, publishers: Site, shared: Path) -> None:
    lead_to(retellings, publishers)
    before = files(retellings)
    report = library.originals(retellings, fetch=fetch_here)
    assert [entry.article.id for entry in report.added] == ["ending-explained", "finale-twist"]
    assert not report.skipped
    for article in load_corpus(retellings):
        assert article.edition == ""
        assert article.url == f"{publishers.url}/{article.id}"
        for around in ("Horoscopes", "cookies", "Twenty thrillers", "newsletter", "rights reserved"):
            assert around not in article.text
        source = re.sub(r"\A\s*date \S+", "", (shared / "articles" / f"{article.id}.txt").read_text())
        extracted = " ".join(article.text.split())
        wanted = [p for p in paragraphs(source) if p != article.title]
        assert [p for p in wanted if p not in extracted] == []
    assert [(a.publisher, a.date) for a in load_corpus(retellings)] == [("Marie Claire", "2025-11-10"), ("MEAWW", "")]
    assert library.restore(retellings) == ("ending-explained", "finale-twist")
    assert files(retellings) == before


def test_one_original_can_be_chosen(retellings: Path, publishers: Site) -> None:
    lead_to(retellings, publishers)
    library.originals(retellings, ["finale-twist"], fetch=fetch_here)
    assert [entry.is_original for entry in library.entries(retellings)] == [False, True]
    with pytest.raises(CorpusError, match="No retelling nothing"):
        library.originals(retellings, ["nothing"], fetch=fetch_here)


def test_one_retelling_can_be_put_back(retellings: Path, publishers: Site) -> None:
    lead_to(retellings, publishers)
    library.originals(retellings, fetch=fetch_here)
    assert library.restore(retellings, ["nothing"]) == ()
    assert library.restore(retellings, ["finale-twist"]) == ("finale-twist",)
    assert [entry.is_original for entry in library.entries(retellings)] == [True, False]


@pytest.mark.parametrize("kind", ["the other article", "a notice", "an error", "offline", "a private redirect"])
def test_a_page_that_is_not_the_article_leaves_the_retelling_in_place(retellings: Path, publishers: Site, kind: str) -> None:
    ending = publishers.answers["/ending-explained"]
    wrong = {
        "the other article": ending,
        "a notice": answer(article_page("What happened to Carrie and Milo?", ["This article is for subscribers."], site="MEAWW")),
        "an error": answer("gone", status=410),
        "a private redirect": redirect("http://router.example/finale-twist"),
    }
    if kind != "offline":
        lead_to(retellings, publishers)
        publishers.answers["/finale-twist"] = wrong[kind]
    before = files(retellings)
    report = library.originals(retellings, ["finale-twist"], fetch=fetch_here)
    assert not report.added
    assert re.search("no longer shows the article|answers 410|cannot be fetched|cannot be found|public internet", report.skipped[0].reason)
    assert files(retellings) == before


def test_a_file_added_over_a_retelling_is_its_original(retellings: Path, tmp_path: Path) -> None:
    before = files(retellings)
    source = tmp_path / "page.txt"
    source.write_text("What happened in the finale\n\nThe series ends with a twist that nobody saw coming.\n")
    library.add([source], retellings, id_="finale-twist", replaces=True)
    article = next(a for a in load_corpus(retellings) if a.id == "finale-twist")
    assert (article.text, article.publisher, article.edition) == (source.read_text(), "MEAWW", "")
    assert article.title == "What happened in the finale"
    assert {name: data for name, data in files(retellings).items() if "/" not in name} == before
    library.restore(retellings)
    assert files(retellings) == before


def test_an_original_without_a_title_keeps_its_retellings(retellings: Path, tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("The series ends with a twist. Nobody saw it coming.\n")
    library.add([tmp_path / "page.txt"], retellings, id_="ending-explained", replaces=True)
    assert next(a for a in load_corpus(retellings) if a.id == "ending-explained").title == "All Her Fault ending, explained"


def test_a_removed_retelling_and_its_original_are_gone_until_they_are_restored(retellings: Path, tmp_path: Path) -> None:
    before = files(retellings)
    source = tmp_path / "page.txt"
    source.write_text("The series ends with a twist that nobody saw coming.\n")
    library.add([source], retellings, id_="finale-twist", replaces=True)
    library.remove(["finale-twist"], retellings)
    assert [a.id for a in load_corpus(retellings)] == ["ending-explained"]
    assert library.restore(retellings) == ("finale-twist",)
    assert files(retellings) == before


def test_restoring_keeps_an_article_of_ones_own_under_a_removed_id(retellings: Path, tmp_path: Path) -> None:
    library.remove(["finale-twist"], retellings)
    (tmp_path / "own.txt").write_text("A text of my own.\n")
    library.add([tmp_path / "own.txt"], retellings, id_="finale-twist")
    assert library.restore(retellings) == ()
    assert next(a.text for a in load_corpus(retellings) if a.id == "finale-twist") == "A text of my own.\n"


# The command


@pytest.fixture
def folder(retellings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the retellings, with the index in a folder of the test."""
    monkeypatch.setenv("RAG_INDEX_DIR", str(tmp_path / "index"))
    return retellings


@pytest.mark.real
def test_originals_go_in_by_command_are_scored_and_go_out_again_with_the_answers_as_before(
    folder: Path, publishers: Site, shared: Path, assistant: Assistant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lead_to(folder, publishers)
    settings = Settings(corpus=str(folder), index_dir=str(tmp_path / "index"))
    asked = Assistant(settings=settings, embedder=assistant._ensure_embedder(), reader=assistant.reader)
    questions = ("Who kidnapped Milo?", "What did Peter hit Rob with?", "How old is Milo?", "Who wrote the novel?")

    def answers() -> list[tuple[str, object]]:
        asked.refresh()
        return [(found.text, found.citations) for found in map(asked.answer, questions)]

    before = answers()
    assert main(["originals", "--allow-private", "--corpus", str(folder)]) == 0
    assert capsys.readouterr().out.count("replaced ") == 2
    assert answers() != before
    own = load_questions(shared / "eval" / "questions-dev.jsonl", {article.id: article for article in load_corpus(folder)})
    run = evaluate(asked, own)
    found = summarise(run.results)
    assert (run.complete, len(run.results)) == (True, 80)
    assert found["sentence recall@5"][ALL].value > 0.85
    assert found["exact quotes"][ALL].value == 1.0
    assert main(["originals", "--restore", "--corpus", str(folder)]) == 0
    assert "restored ending-explained, finale-twist" in capsys.readouterr().out
    assert answers() == before


@pytest.mark.real
def test_one_original_comes_by_command_and_a_page_that_is_gone_leaves_its_retelling(
    folder: Path, publishers: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    lead_to(folder, publishers)
    publishers.answers["/finale-twist"] = answer("gone", status=410)
    assert main(["originals", "finale-twist", "--allow-private", "--corpus", str(folder)]) == 1
    assert re.search(r"left out: .*answers 410 Gone.*The retelling stays in place\.", capsys.readouterr().err)
    assert main(["originals", "ending-explained", "--allow-private", "--corpus", str(folder)]) == 0
    assert [entry.is_original for entry in library.entries(folder)] == [True, False]
    for put_back, left in (("finale-twist", True), ("ending-explained", False)):
        assert main(["originals", put_back, "--restore", "--corpus", str(folder)]) == 0
        assert library.entries(folder)[0].is_original is left


def test_an_id_that_is_no_retelling_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["originals", "nothing", "--corpus", str(folder)]) == 1
    assert "No retelling nothing in" in capsys.readouterr().err
    assert not (folder / "originals").exists()


@pytest.mark.real
def test_addresses_of_ones_own_network_are_asked_for_by_command_only_when_they_are_allowed(
    folder: Path, publishers: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    lead_to(folder, publishers)
    assert main(["originals", "--corpus", str(folder)]) == 1
    assert "not on the public internet" in capsys.readouterr().err
    assert publishers.requests == []
