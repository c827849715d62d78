"""Vectors and terms to scored sentences, and the index on disk."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from rag.corpus import load_corpus
from rag.errors import IndexStoreError
from rag.index import Candidates, IndexStore, build_index
from rag.types import Article, Keys, Vectors
from rag.vectors import FaissEngine, FaissStore

from .conftest import WordEmbedder


def test_search_agrees_with_plain_numpy(corpus: Path) -> None:
    embedder = WordEmbedder()
    index = build_index(load_corpus(corpus), embedder)
    query = embedder.encode(["Who rang the bell?"])[0]
    found = index.search("Who rang the bell?", query, k=100)
    expected = embedder.encode([s.text for s in index.sentences]) @ query
    np.testing.assert_allclose(found.parts["sentence"], expected[found.ids], rtol=1e-5)


def test_sentences_are_found_by_their_words_best_first_and_only_where_they_share_one() -> None:
    texts = ("The bell rang.", "A bell, the bell, that bell!", "Nobody was hurt.", "The bell rang.", "The boats burned.")
    index = build_index([Article(f"a{i}", "A", f"{text}\n") for i, text in enumerate(texts)], WordEmbedder())
    nowhere = np.zeros(256, np.float32)
    assert 1 in index.search("bell", nowhere, k=1).ids
    found = index.search("bell", nowhere, k=5)
    scores = dict(zip(found.ids.tolist(), found.parts["bm25"].tolist(), strict=True))
    assert {i for i, score in scores.items() if score > 0} == {0, 1, 3}
    assert scores[0] == scores[3] < scores[1] == 1.0


def test_the_best_candidates_are_those_of_the_highest_weighted_scores() -> None:
    parts = {"sentence": np.array([0.9, 0.1, 0.5], np.float32), "bm25": np.array([0.0, 1.0, 0.9], np.float32)}
    best = Candidates(np.array([4, 7, 9]), parts).best({"sentence": 1.0, "bm25": 0.5}, 2)
    assert best.ids.tolist() == [4, 9]
    assert best.parts["bm25"].tolist() == parts["bm25"][[0, 2]].tolist()
    assert len(Candidates(np.empty(0, np.int64), {}).best({}, 2).ids) == 0


def test_an_articles_sentences_are_found_by_its_id(corpus: Path) -> None:
    index = build_index(load_corpus(corpus), WordEmbedder())
    for id_ in index.articles:
        assert index.of_article(id_) == tuple(s for s in index.sentences if s.article_id == id_)


def test_a_second_opening_embeds_nothing(corpus: Path, tmp_path: Path) -> None:
    articles, embedder = load_corpus(corpus), WordEmbedder()
    IndexStore(tmp_path / "index", embedder).open(articles)
    embedder.texts.clear()
    index = IndexStore(tmp_path / "index", embedder).open(articles)
    assert embedder.texts == []
    assert {s.text for s in index.sentences} >= {"Nobody was hurt."}


def test_a_changed_article_is_indexed_again_and_a_touched_one_is_not(corpus: Path, tmp_path: Path) -> None:
    embedder = WordEmbedder()
    IndexStore(tmp_path / "index", embedder).open(load_corpus(corpus))
    embedder.texts.clear()
    (corpus / "quay.txt").touch()
    IndexStore(tmp_path / "index", embedder).open(load_corpus(corpus))
    assert embedder.texts == []
    (corpus / "quay.txt").write_text("The pier was painted green.\n")
    index = IndexStore(tmp_path / "index", embedder).open(load_corpus(corpus))
    assert "The pier was painted green." in [s.text for s in index.sentences]
    assert not any("flames" in s.text for s in index.sentences)


def test_only_what_is_new_or_changed_is_embedded(corpus: Path, tmp_path: Path) -> None:
    """Row I8."""
    store = IndexStore(tmp_path / "index", embedder := WordEmbedder())
    store.open(load_corpus(corpus))
    embedder.texts.clear()
    (corpus / "ferry.txt").write_text("The ferry sank at dawn.\n")
    store.open(load_corpus(corpus))
    assert embedder.texts == ["The ferry sank at dawn."]
    (corpus / "quay.txt").unlink()
    embedder.texts.clear()
    store.open(load_corpus(corpus))
    assert embedder.texts == []


def test_an_index_brought_up_to_date_answers_as_one_built_at_once(corpus: Path, tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index", WordEmbedder())
    store.open(load_corpus(corpus))
    for name, text in (("ferry", "The ferry sank at dawn. Nobody rang."), ("harbour", "The fire began at ten."), ("bell", "A bell rang.")):
        (corpus / f"{name}.md").write_text(text + "\n")
        store.open(load_corpus(corpus))
    (corpus / "ferry.md").unlink()
    grown, whole = store.open(load_corpus(corpus)), build_index(load_corpus(corpus), WordEmbedder())
    assert (grown.sentences, grown.passages) == (whole.sentences, whole.passages)
    for question in ("Who rang the bell?", "When did the fire begin?"):
        query = WordEmbedder().encode([question])[0]
        one, other = (index.search(question, query, k=3) for index in (grown, whole))
        assert one.ids.tolist() == other.ids.tolist()
        for part in one.parts:
            np.testing.assert_allclose(one.parts[part], other.parts[part], atol=1e-6)


def test_nothing_of_a_removed_article_is_found_or_kept_on_disk(corpus: Path, tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index", WordEmbedder())
    store.open(load_corpus(corpus))
    (corpus / "quay.txt").unlink()
    index = store.open(load_corpus(corpus))
    found = index.search("flames on the new pier", WordEmbedder().encode(["flames on the new pier"])[0], k=100)
    assert {index.sentences[i].article_id for i in found.ids} == {"harbour"}
    kept = b"".join(path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert b"flames" not in kept
    assert b"quay" not in kept


def test_many_articles_are_removed_from_the_vectors_at_one_go(tmp_path: Path) -> None:
    class Counting(FaissStore):
        calls = 0

        def remove(self, keys: Keys, /) -> None:
            Counting.calls += 1
            super().remove(keys)

    class Engine(FaissEngine):
        def open(self, state: bytes, /) -> FaissStore:
            return Counting.from_state(state)

    articles = [Article(f"a{i}", "A", f"Bell number {i} rang.\n") for i in range(40)]
    store = IndexStore(tmp_path / "index", WordEmbedder(), Engine())
    store.open(articles)
    index = store.open(articles[:3])
    assert Counting.calls == len(index.stores) == 3
    assert {len(vectors) for vectors in index.stores.values()} == {3}


def test_a_cleared_index_leaves_no_text_behind(corpus: Path, tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index", WordEmbedder())
    store.open(load_corpus(corpus))
    store.clear()
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["lock"]


def test_texts_that_are_the_same_in_two_views_are_embedded_once(corpus: Path) -> None:
    embedder = WordEmbedder()
    build_index(load_corpus(corpus), embedder)
    assert len(embedder.texts) == len(set(embedder.texts))


def test_another_embedding_model_of_the_same_size_rebuilds_the_index(
    corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Row I9."""

    class OtherWeights(WordEmbedder):
        fingerprint = "words:2"

    IndexStore(tmp_path / "index", WordEmbedder()).open(load_corpus(corpus))
    other = OtherWeights()
    caplog.set_level(logging.INFO)
    IndexStore(tmp_path / "index", other).open(load_corpus(corpus))
    assert other.texts
    assert "embedder words:1 instead of words:2" in caplog.text


@pytest.mark.parametrize("file", ["spans.json", "sentence.vectors", "passage.vectors"])
def test_a_damaged_index_is_built_again_and_never_searched(corpus: Path, tmp_path: Path, file: str) -> None:
    folder, embedder = tmp_path / "index", WordEmbedder()
    IndexStore(folder, embedder).open(load_corpus(corpus))
    generation = folder / json.loads((folder / "CURRENT").read_text())["manifest"]["generation"]
    data = bytearray((generation / file).read_bytes())
    data[len(data) // 2] ^= 1
    (generation / file).write_bytes(data)
    embedder.texts.clear()
    IndexStore(folder, embedder).open(load_corpus(corpus))
    assert embedder.texts


def test_articles_without_one_word_that_could_be_searched_for_are_searched_all_the_same() -> None:
    """BM25 knows no such sentence. Row C9."""
    index = build_index([Article("a", "A", "0:0:0.\n\nIt was he, not she.\n")], WordEmbedder())
    found = index.search("bell", WordEmbedder().encode(["bell"])[0], k=5)
    assert not found.parts["bm25"].any()


def test_a_question_that_embeds_to_nonsense_finds_nothing(corpus: Path) -> None:
    index = build_index(load_corpus(corpus), WordEmbedder())
    assert len(index.search("x", np.full(256, np.nan, np.float32), k=5).ids) == 0


def test_an_embedding_model_that_gives_no_unit_vectors_stops_the_build(corpus: Path) -> None:
    class Broken(WordEmbedder):
        def encode(self, texts, /) -> Vectors:  # type: ignore[no-untyped-def]
            return np.zeros((len(texts), 8), np.float32)

    with pytest.raises(IndexStoreError, match="no unit vector for"):
        build_index(load_corpus(corpus), Broken())


def test_articles_of_headings_alone_are_refused() -> None:
    with pytest.raises(IndexStoreError, match="headings only"):
        build_index([Article("a", "A", "## Only a heading?\n")], WordEmbedder())


def test_an_index_folder_that_cannot_be_written_is_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexStoreError, match=r"cannot be written to .*file.*RAG_INDEX_DIR"):
        IndexStore(tmp_path / "file" / "index", WordEmbedder()).open(load_corpus(corpus))


@pytest.mark.parametrize("name", ["two words", "índice-🙂", "x" * 200, "new/folders/below"])
def test_an_index_folder_may_have_any_name(corpus: Path, tmp_path: Path, name: str) -> None:
    """Row I15."""
    embedder = WordEmbedder()
    IndexStore(tmp_path / name, embedder).open(load_corpus(corpus))
    embedder.texts.clear()
    IndexStore(tmp_path / name, embedder).open(load_corpus(corpus))
    assert embedder.texts == []


def test_progress_runs_from_the_first_text_to_the_last(corpus: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_index(load_corpus(corpus), WordEmbedder(), lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.real
def test_real_embeddings_rank_the_sentence_that_answers_first(assistant) -> None:  # type: ignore[no-untyped-def]
    assert "lamp" in assistant.answer("What does Peter hit Rob with?").evidence[0].sentence.text
