"""Vectors and terms to scored sentences, and the index on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag.corpus import load_corpus
from rag.errors import IndexStoreError
from rag.index import build_index, open_index
from rag.types import Article, Vectors

from .conftest import WordEmbedder


def test_search_agrees_with_plain_numpy(corpus: Path) -> None:
    embedder = WordEmbedder()
    index = build_index(load_corpus(corpus), embedder)
    query = embedder.encode(["Who rang the bell?"])[0]
    found = index.search("Who rang the bell?", query, k=100)
    expected = embedder.encode([s.text for s in index.sentences]) @ query
    np.testing.assert_allclose(found.parts["sentence"], expected[found.ids], rtol=1e-5)


def test_a_second_opening_embeds_nothing(corpus: Path, tmp_path: Path) -> None:
    articles, embedder = load_corpus(corpus), WordEmbedder()
    open_index(articles, embedder, tmp_path / "index")
    embedder.texts.clear()
    index = open_index(articles, embedder, tmp_path / "index")
    assert embedder.texts == []
    assert {s.text for s in index.sentences} >= {"Nobody was hurt."}


def test_a_changed_article_is_indexed_again_and_a_touched_one_is_not(corpus: Path, tmp_path: Path) -> None:
    embedder = WordEmbedder()
    open_index(load_corpus(corpus), embedder, tmp_path / "index")
    embedder.texts.clear()
    (corpus / "quay.txt").touch()
    open_index(load_corpus(corpus), embedder, tmp_path / "index")
    assert embedder.texts == []
    (corpus / "quay.txt").write_text("The pier was painted green.\n")
    index = open_index(load_corpus(corpus), embedder, tmp_path / "index")
    assert "The pier was painted green." in [s.text for s in index.sentences]
    assert not any("flames" in s.text for s in index.sentences)


def test_another_embedding_model_of_the_same_size_rebuilds_the_index(corpus: Path, tmp_path: Path) -> None:
    class OtherWeights(WordEmbedder):
        fingerprint = "words:2"

    open_index(load_corpus(corpus), WordEmbedder(), tmp_path / "index")
    other = OtherWeights()
    open_index(load_corpus(corpus), other, tmp_path / "index")
    assert other.texts


@pytest.mark.parametrize("file", ["spans.json", "sentence.faiss", "passage.faiss"])
def test_a_damaged_index_is_built_again_and_never_searched(corpus: Path, tmp_path: Path, file: str) -> None:
    folder, embedder = tmp_path / "index", WordEmbedder()
    open_index(load_corpus(corpus), embedder, folder)
    generation = folder / json.loads((folder / "CURRENT").read_text())["generation"]
    data = bytearray((generation / file).read_bytes())
    data[len(data) // 2] ^= 1
    (generation / file).write_bytes(data)
    embedder.texts.clear()
    open_index(load_corpus(corpus), embedder, folder)
    assert embedder.texts


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
        open_index(load_corpus(corpus), WordEmbedder(), tmp_path / "file" / "index")


def test_progress_runs_from_the_first_text_to_the_last(corpus: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_index(load_corpus(corpus), WordEmbedder(), lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.real
def test_real_embeddings_rank_the_sentence_that_answers_first(assistant) -> None:  # type: ignore[no-untyped-def]
    assert "lamp" in assistant.answer("What does Peter hit Rob with?").evidence[0].sentence.text
