"""Articles in and out of a corpus folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path

import pytest

from rag import library
from rag.config import PROJECT
from rag.corpus import load_article, load_corpus, save_article
from rag.errors import CorpusError
from rag.fetch import fetch
from rag.types import Article

from . import documents
from .disks import Died, DyingDisk
from .servers import Site, answer, article_page, redirect, serve

id_of = attrgetter("id")
fetch_here = partial(fetch, allow_private=True)


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """Return a folder with one story in four formats, and files that are no documents."""
    folder = tmp_path / "story"
    folder.mkdir()
    (folder / "Lamp (final).pdf").write_bytes(documents.pdf())
    (folder / "gull.txt").write_text("The gull flew through the pane.\n")
    (folder / "README.md").write_text("About these files.\n")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def test_an_added_text_keeps_its_characters_and_its_name(corpus: Path, tmp_path: Path) -> None:
    source = tmp_path / "ferry.txt"
    source.write_text("The ferry\n\nIt sank  at dawn – «quietly».\n")
    (added,) = library.add([source], corpus).added
    assert (added.article.id, added.article.title, added.replaced) == ("ferry", "The ferry", False)
    assert load_article(corpus / "ferry.md").text == source.read_text()


def test_an_article_written_when_the_power_goes_is_there_whole_or_not_at_all(corpus: Path) -> None:
    old, new = load_article(corpus / "quay.txt"), Article("ferry", "The ferry", "It sank at dawn.\n")
    for target, article in ((corpus / "ferry.md", new), (corpus / "quay.txt", replace(old, text="The quay is new.\n"))):
        before = load_corpus(corpus)
        for last in range(1, 20):
            try:
                save_article(target, article, disk=DyingDisk(last))
                break
            except Died:
                assert load_corpus(corpus) in (
                    before,
                    tuple(sorted({**{a.id: a for a in before}, article.id: article}.values(), key=id_of)),
                )
        assert last == 5
        assert load_article(target) == article
    assert not list(corpus.glob(".*"))


def test_every_format_is_stored_as_text_that_loads_as_it_was_read(corpus: Path, tmp_path: Path) -> None:
    for name, data in (("a.pdf", documents.pdf()), ("b.docx", documents.docx())):
        (tmp_path / name).write_bytes(data)
        (added,) = library.add([tmp_path / name], corpus).added
        assert load_article(added.file) == added.article
        library.remove([added.article.id], corpus)


def test_a_folder_gives_its_documents_and_says_what_it_left_out(corpus: Path, story: Path) -> None:
    (story / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    report = library.add([story], corpus)
    assert [entry.article.id for entry in report.added] == ["lamp-final", "gull"]
    assert [Path(entry.source).name for entry in report.skipped] == ["broken.pdf"]
    assert {article.id for article in load_corpus(corpus)} == {"harbour", "quay", "lamp-final", "gull"}


def test_a_web_page_is_added_with_its_address(corpus: Path) -> None:
    page = article_page(documents.TITLE, list(documents.PARAGRAPHS), site="The Gull", date="2024-05-02")
    with serve({"/news/the-lamp": answer(page)}) as site:
        (added,) = library.add([f"{site.url}/news/the-lamp"], corpus, fetch=fetch_here).added
        assert added.article.url == f"{site.url}/news/the-lamp"
    assert (added.article.id, added.article.title, added.article.publisher) == ("the-lamp", documents.TITLE, "The Gull")


def test_an_address_of_this_machine_is_refused_unless_it_is_allowed(corpus: Path) -> None:
    before = files(corpus)
    with serve({"/": answer("<p>secret</p>")}) as site, pytest.raises(CorpusError, match="not on the public internet"):
        library.add([site.url], corpus)
    assert site.requests == []
    assert files(corpus) == before


@pytest.mark.parametrize(
    "id_", ["../../x", "/abs", "a\0b", "CON", "com1", "x" * 300, ".hidden", "-rf", "a b", "README", "a/b", "é" * 81, ""]
)
def test_ids_that_are_no_safe_file_names_are_refused_and_nothing_is_written(corpus: Path, tmp_path: Path, id_: str) -> None:
    """Row C5."""
    source = tmp_path / "ferry.txt"
    source.write_text("The ferry sank.\n")
    before = files(tmp_path)
    with pytest.raises(CorpusError, match="cannot be an article's id"):
        library.checked_id(id_)
    if id_:
        with pytest.raises(CorpusError, match="cannot be an article's id"):
            library.add([source], corpus, id_=id_)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["..md.txt", "Über uns.txt", "№ 5.txt", "README.txt", "x" * 200 + ".txt"])
def test_ids_made_from_names_are_safe(corpus: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Some text that stands here.\n")
    (added,) = library.add([tmp_path / name], corpus).added
    assert added.file.parent == corpus
    assert library.checked_id(added.article.id) == added.article.id


@pytest.mark.parametrize("name", ["CON.txt", "com1.txt"])
def test_names_that_give_no_safe_id_ask_for_one(corpus: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Some text that stands here.\n")
    with pytest.raises(CorpusError, match="Choose another with --id"):
        library.add([tmp_path / name], corpus)


def test_an_id_that_is_taken_is_replaced_only_when_asked(corpus: Path, tmp_path: Path) -> None:
    """Row C11."""
    source = tmp_path / "quay.md"
    source.write_text("The quay was rebuilt in stone.\n")
    with pytest.raises(
        CorpusError, match=r"There is an article 'quay' already \(The night the quay burned\)\. Use --replace, or another --id"
    ):
        library.add([source], corpus)
    (added,) = library.add([source], corpus, replaces=True).added
    assert added.replaced
    assert [article.text for article in load_corpus(corpus) if article.id == "quay"] == ["The quay was rebuilt in stone.\n"]


def test_an_id_that_differs_only_in_case_or_composition_is_taken(corpus: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_text("The quay was rebuilt in stone.\n")
    with pytest.raises(CorpusError, match="There is an article 'quay' already"):
        library.add([source], corpus, id_="Quay")
    library.add([source], corpus, id_="caf\u00e9")
    source.write_text("Another text.\n")
    with pytest.raises(CorpusError, match="already"):
        library.add([source], corpus, id_="cafe\u0301")


def test_the_same_text_under_another_name_is_reported_and_left_out(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.txt").write_text((corpus / "quay.txt").read_text() + "\n")
    with pytest.raises(CorpusError, match="has the same text as the article 'quay'"):
        library.add([tmp_path / "copy.txt"], corpus)


def test_an_id_for_two_documents_is_refused(corpus: Path, story: Path) -> None:
    with pytest.raises(CorpusError, match="--id names one article, but 2"):
        library.add([story], corpus, id_="one")


def test_a_missing_document_is_named(corpus: Path) -> None:
    with pytest.raises(CorpusError, match=r"No document at .*nowhere\.pdf"):
        library.add(["nowhere.pdf"], corpus)


def test_links_out_of_a_folder_pipes_and_folders_named_like_articles_are_passed_over(corpus: Path, tmp_path: Path) -> None:
    """Row C4."""
    (tmp_path / "secret.txt").write_text("Not for this corpus.\n")
    (corpus / "link.txt").symlink_to(tmp_path / "secret.txt")
    (corpus / "loop.txt").symlink_to(corpus / "loop.txt")
    (corpus / "folder.md").mkdir()
    os.mkfifo(corpus / "pipe.txt")
    assert [article.id for article in load_corpus(corpus)] == ["harbour", "quay"]


def test_removed_articles_are_gone_and_an_unknown_one_removes_nothing(corpus: Path) -> None:
    """Row C11."""
    with pytest.raises(CorpusError, match=r"No article ferry in .*There are: harbour, quay"):
        library.remove(["quay", "ferry"], corpus)
    assert len(load_corpus(corpus)) == 2
    (removed,) = library.remove(["quay"], corpus)
    assert removed.article.id == "quay"
    assert not (corpus / "quay.txt").exists()


def test_a_front_matter_address_that_is_no_web_address_is_left_out(corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    (corpus / "bad.md").write_text("---\nurl: javascript:alert(1)\n---\nText of it.\n")
    assert next(a.url for a in load_corpus(corpus) if a.id == "bad") == ""
    assert "no web address" in caplog.text


# The originals of the retellings


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
        wanted = [p for p in paragraphs(source) if "(Image " not in p and p != article.title]
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
