"""A running assistant picks up a corpus that changes under it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import CorpusError
from rag.pipeline import Assistant

from .conftest import QueueReader, WordEmbedder


def test_an_added_article_is_found_after_a_refresh_and_a_removed_one_is_not(fake_assistant: Assistant, corpus: Path) -> None:
    fake_assistant.prepare()
    (corpus / "ferry.txt").write_text("The ferry Marigold sank at dawn off the point.\n")
    (corpus / "quay.txt").unlink()
    fake_assistant.refresh()
    answer = fake_assistant.answer("When did the ferry Marigold sink?")
    assert {passage.article_id for passage in answer.passages} == {"ferry", "harbour"}


def test_a_refresh_of_an_unchanged_corpus_keeps_the_index(fake_assistant: Assistant) -> None:
    index = fake_assistant.prepare()
    assert fake_assistant.refresh() is index


def test_a_question_being_answered_keeps_its_index_through_a_refresh(fake_assistant: Assistant, corpus: Path) -> None:
    events = fake_assistant.stream("Who rang the bell?")
    while next(events).stage != "read":
        pass
    (corpus / "quay.txt").unlink()
    fake_assistant.refresh()
    *_, last = events
    assert last.answer
    for citation in last.answer.citations:
        assert citation.quote


def test_the_last_article_removed_leaves_nothing_to_answer_from(fake_assistant: Assistant, corpus: Path) -> None:
    """Row C11."""
    fake_assistant.prepare()
    for file in corpus.iterdir():
        file.unlink()
    with pytest.raises(CorpusError, match="No articles in"):
        fake_assistant.refresh()
    with pytest.raises(CorpusError, match="No articles in"):
        fake_assistant.answer("Who rang the bell?")


def test_questions_are_answered_while_a_refresh_embeds(corpus: Path, settings: Settings) -> None:
    started, go_on = threading.Event(), threading.Event()

    class Slow(WordEmbedder):
        def encode(self, texts, /):  # type: ignore[no-untyped-def]
            if any("Marigold" in text for text in texts) and "Who" not in texts[0]:
                started.set()
                assert go_on.wait(30)
            return super().encode(texts)

    assistant = Assistant(settings=settings, embedder=Slow(), reader=QueueReader())
    assistant.prepare()
    (corpus / "ferry.txt").write_text("The ferry Marigold sank at dawn.\n")
    refreshing = threading.Thread(target=assistant.refresh)
    refreshing.start()
    assert started.wait(30)
    assert not assistant.answer("Who rang the bell?").refused
    go_on.set()
    refreshing.join(30)
    assert "ferry" in assistant.prepare().articles


def test_what_another_process_adds_and_removes_is_followed_without_a_refresh(corpus: Path, settings: Settings) -> None:
    embedder = WordEmbedder()
    server = Assistant(settings=settings, embedder=embedder, reader=QueueReader())
    other = Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader())
    server.answer("Who rang the bell?")
    (corpus / "ferry.txt").write_text("The ferry Marigold sank at dawn off the point.\n")
    other.refresh()
    embedder.texts.clear()
    assert {c.article_id for c in server.answer("When did the ferry Marigold sink?").citations} == {"ferry"}
    assert "Nobody was hurt." not in embedder.texts
    index = server.prepare()
    assert server.prepare() is index
    (corpus / "ferry.txt").unlink()
    other.refresh()
    assert "ferry" not in {passage.article_id for passage in server.answer("When did the ferry Marigold sink?").passages}


def test_an_index_of_a_newer_footnote_leaves_a_running_one_its_own(
    fake_assistant: Assistant, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    first = fake_assistant.answer("Who rang the bell?")
    pointer = settings.index_path / "CURRENT"
    pointer.write_text(pointer.read_text().replace('"format": ', '"format": 9', 1))
    (settings.corpus_path / "ferry.txt").write_text("The ferry Marigold sank at dawn off the point.\n")
    assert fake_assistant.answer("Who rang the bell?").citations == first.citations
    assert "this Footnote reads format" in caplog.text
