"""`python -m rag add · remove · list · originals · index`, and documents of every kind asked and cited."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import library
from rag.cli import main
from rag.config import Settings
from rag.corpus import load_corpus
from rag.pipeline import Assistant

from . import documents
from .servers import article_page


@pytest.fixture
def folder(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one story as PDF, DOCX and saved page, each of its own; the index goes to a folder of the test."""
    monkeypatch.setenv("RAG_INDEX_DIR", str(tmp_path / "index"))
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "lamp.pdf").write_bytes(documents.pdf())
    return folder


def test_list_shows_every_article_and_its_edition(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "retold.md").write_text("---\ntitle: Retold\nedition: retelling\n---\nA text.\n")
    assert main(["list", "--corpus", str(corpus)]) == 0
    out = capsys.readouterr().out
    for shown in ("harbour", "The harbour fire", "The Gull", "2024-05-02", "retold", "retelling"):
        assert shown in out


def test_list_of_an_empty_corpus_says_how_to_add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--corpus", str(tmp_path)]) == 1
    assert "python -m rag add FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "nowhere.pdf"], "No document at nowhere.pdf"),
        (["add", "http://127.0.0.1:1/"], "not on the public internet"),
        (["add", "a.txt", "--id", "../x"], "No document at a.txt"),
        (["remove", "nothing"], "There are: harbour, quay"),
    ],
)
def test_what_cannot_be_done_exits_1_with_one_line(
    corpus: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--corpus", str(corpus)]) == 1
    assert said in capsys.readouterr().err
    assert [article.id for article in load_corpus(corpus)] == ["harbour", "quay"]


@pytest.mark.real
def test_articles_go_in_and_out_by_command_and_the_index_follows(
    corpus: Path, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["add", str(folder), "--corpus", str(corpus)]) == 0
    assert "added lamp: The lamp on Skerry Point" in capsys.readouterr().out
    kept = b"".join(path.read_bytes() for path in (tmp_path / "index").rglob("*.json"))
    assert b"Odile" in kept
    for id_ in ("lamp", "harbour", "quay"):
        assert main(["remove", id_, "--corpus", str(corpus)]) == 0
    assert "No articles are left" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["lock"]


@pytest.mark.real
def test_a_pdf_a_docx_and_a_saved_page_are_asked_and_cited_with_the_right_span(assistant: Assistant, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    bell = "The bell of Tarn Abbey was cast in 1741 by Ruth Amsel. It weighs nine tons and cracked in the frost of 1802."
    ferry = "Captain Ilse Moor took the ferry Marigold out of Vik harbour on the night of the flood and saved forty people."
    (tmp_path / "lamp.pdf").write_bytes(documents.pdf())
    (tmp_path / "bell.html").write_text(article_page("The bell of Tarn Abbey", [bell, bell.replace("Ruth", "Mrs Ruth")], site="The Gull"))
    (tmp_path / "ferry.docx").write_bytes(
        documents.docx(title="The ferry Marigold", paragraphs=(ferry, "Nobody on the quay had asked her to."))
    )
    library.add([tmp_path / name for name in ("lamp.pdf", "bell.html", "ferry.docx")], corpus)
    settings = Settings(corpus=str(corpus), index_dir=str(tmp_path / "index"))
    asked = Assistant(settings=settings, embedder=assistant._ensure_embedder(), reader=assistant.reader)
    texts = {article.id: article.text for article in load_corpus(corpus)}
    for question, id_, words in (
        ("Who carried the lamp up the steps of the tower?", "lamp", "Odile Brandt"),
        ("Who cast the bell of Tarn Abbey?", "bell", "Ruth Amsel"),
        ("Who took the ferry Marigold out of Vik harbour?", "ferry", "Ilse Moor"),
    ):
        answer = asked.answer(question)
        best = answer.evidence[0].sentence
        assert (best.article_id, words in best.text) == (id_, True)
        assert id_ in {c.article_id for c in answer.citations}
        assert all(c.quote == texts[c.article_id][c.start : c.end] for c in answer.citations)
