"""Articles in and out of a corpus folder."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path

import pytest

from rag import library
from rag.corpus import load_article, load_corpus, save_article
from rag.errors import CorpusError
from rag.fetch import fetch
from rag.types import Article

from . import documents
from .disks import Died, DyingDisk
from .servers import answer, article_page, serve

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
