"""Vectors and terms to scored sentences; saved on disk, loaded whole or not at all. The only import of faiss.

On disk, a generation is a folder of files and `CURRENT` names the one in force with every file's size and SHA-256:

    index/CURRENT  index/gen-<id>/{spans.json, sentence.faiss, context.faiss, passage.faiss}

A build writes a new generation aside, flushes it, and swaps `CURRENT` by one atomic rename, so a reader finds the old
index or the new one and nothing between.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
import numpy.typing as npt
import Stemmer
from filelock import FileLock, Timeout

from rag import chunking
from rag.errors import IndexStoreError
from rag.text import stem, words
from rag.types import Article, Embedder, Passage, Sentence, Vectors

FORMAT = 1
VIEWS = ("sentence", "context", "passage")
"""What is embedded: each sentence alone, each sentence after the one before it, and each passage."""
LOCK_SECONDS = 600.0

Progress = Callable[[int, int], None]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Sentences found for a question: `ids` into `Index.sentences`, and one score a sentence and part, best high.

    The dense parts are cosines in -1..1; "bm25" is the BM25 score over the highest of this search, in 0..1.
    """

    ids: npt.NDArray[np.int64]
    parts: dict[str, Scores]


class Index:
    """Sentences and passages of a corpus with their vectors (faiss, inner product) and terms (BM25)."""

    def __init__(
        self, articles: Sequence[Article], passages: Sequence[Passage], sentences: Sequence[Sentence], vectors: dict[str, Any]
    ) -> None:
        self.articles = {article.id: article for article in articles}
        self.passages = tuple(passages)
        self.sentences = tuple(sentences)
        self._vectors = vectors
        self._stemmer = Stemmer.Stemmer("english")
        self._bm25 = bm25s.BM25()
        terms = self._terms([sentence.text for sentence in self.sentences])
        self._bm25.index(terms, show_progress=False)
        self._frequency = Counter(term for line in terms for term in set(line))
        self.vocabulary = frozenset(stem(word) for article in articles for word in words(f"{article.title} {article.text}"))

    def search(self, question: str, vector: Vectors, *, k: int) -> Candidates:
        """Return the union of the k best sentences of every part, each with all its scores.

        `vector` is the question's embedding, shape (dimension,).
        """
        query = np.ascontiguousarray(vector[None, :], dtype=np.float32)
        if not np.isfinite(query).all():
            return Candidates(np.empty(0, np.int64), {})
        terms = self._term_scores(question)
        found = set(np.argsort(-terms, kind="stable")[:k][terms[np.argsort(-terms, kind="stable")[:k]] > 0].tolist())
        for view in ("sentence", "context"):
            _, ids = self._vectors[view].search(query, min(k, len(self.sentences)))
            found.update(int(i) for i in ids[0] if i >= 0)  # faiss answers -1 where it has nothing
        chosen = np.array(sorted(found), dtype=np.int64)
        passage_ids = np.array([self.sentences[i].passage for i in chosen], dtype=np.int64)
        rows = {"sentence": chosen, "context": chosen, "passage": passage_ids}
        parts = {view: (self._rows(view, rows[view]) @ query[0]).astype(np.float32) for view in VIEWS}
        parts["bm25"] = (terms[chosen] / max(float(terms.max(initial=0.0)), 1e-9)).astype(np.float32)
        return Candidates(chosen, parts)

    def rarity(self, word: str) -> float:
        """Return a word's inverse document frequency, log((N + 1) / (n + 0.5)), n of the N sentences holding its stem."""
        stems = self._terms([word])[0]
        frequency = self._frequency[stems[0]] if stems else len(self.sentences)
        return math.log((len(self.sentences) + 1) / (frequency + 0.5))

    def _rows(self, view: str, ids: npt.NDArray[np.int64]) -> Vectors:
        return np.stack([self._vectors[view].reconstruct(int(i)) for i in ids])  # shape (len(ids), dimension)

    def _terms(self, texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False, return_ids=False)

    def _term_scores(self, question: str) -> Scores:
        terms = self._terms([question])[0]
        if not terms:
            return np.zeros(len(self.sentences), np.float32)
        return np.asarray(self._bm25.get_scores(terms), dtype=np.float32)


def open_index(articles: Sequence[Article], embedder: Embedder, folder: Path, progress: Progress | None = None) -> Index:
    """Return the index of these articles: the one on disk where it is theirs, else a new one, saved.

    An index is theirs when the texts, the chunker, the embedding model and the format are the same; file times do not
    matter. A damaged index is built again. `progress` is called with (done, total) texts while embedding.

    Raises:
        IndexStoreError: the folder cannot be written, or another process holds it for too long.
    """
    wanted = {"format": FORMAT, "chunker": chunking.FINGERPRINT, "embedder": embedder.fingerprint, "articles": _hashes(articles)}
    if found := _load(articles, wanted, folder):
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=LOCK_SECONDS):
            if found := _load(articles, wanted, folder):
                return found
            index = build_index(articles, embedder, progress)
            _save(index, wanted, folder)
    except Timeout:
        raise IndexStoreError(
            f"Another process has been building the index in {folder} for {LOCK_SECONDS:.0f} s. Wait for it, or end it."
        ) from None
    except OSError as error:
        raise IndexStoreError(
            f"The index cannot be written to {folder}: {error.strerror or error}. Free space there, or set RAG_INDEX_DIR."
        ) from error
    return index


def build_index(articles: Sequence[Article], embedder: Embedder, progress: Progress | None = None) -> Index:
    """Return a new index in memory.

    Raises:
        IndexStoreError: the articles hold no sentence, or the embedding model gives unusable vectors.
    """
    passages: list[Passage] = []
    sentences: list[Sentence] = []
    for article in articles:
        new_passages, new_sentences = chunking.split_article(article)
        offset = len(passages)
        passages.extend(new_passages)
        sentences.extend(Sentence(**{**_fields(s), "passage": s.passage + offset}) for s in new_sentences)
    if not sentences:
        raise IndexStoreError("The articles hold headings only and no sentence. Add an article with some text.")
    texts = {
        "sentence": [s.text for s in sentences],
        "context": [f"{s.previous} {s.text}".strip() for s in sentences],
        "passage": [p.text for p in passages],
    }
    total, done, vectors = sum(map(len, texts.values())), 0, {}
    for view, lines in texts.items():
        blocks = []
        for i in range(0, len(lines), 64):
            blocks.append(_checked(embedder.encode(lines[i : i + 64]), lines[i : i + 64]))
            done += len(blocks[-1])
            if progress:
                progress(done, total)
        matrix = np.concatenate(blocks)
        vectors[view] = faiss.IndexFlatIP(matrix.shape[1])
        vectors[view].add(matrix)
    return Index(articles, passages, sentences, vectors)


def _checked(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    shape_ok = vectors.ndim == 2 and len(vectors) == len(texts)
    norms = np.linalg.norm(vectors, axis=1) if shape_ok else np.zeros(1)
    if not shape_ok or not np.isfinite(norms).all() or np.abs(norms - 1).max() > 1e-3:
        bad = texts[int(np.argmax(~np.isfinite(norms) | (np.abs(norms - 1) > 1e-3)))] if shape_ok else texts[0]
        raise IndexStoreError(f"The embedding model gives no unit vector for {bad[:60]!r}. Use another embedding model.")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _fields(item: Sentence | Passage) -> dict[str, Any]:
    return asdict(item)


def _hashes(articles: Sequence[Article]) -> dict[str, str]:
    """Return one hash an article over everything that is indexed or shown of it."""
    return {a.id: hashlib.sha256(json.dumps(asdict(a)).encode("utf-8", "surrogatepass")).hexdigest() for a in articles}


def _save(index: Index, wanted: dict[str, Any], folder: Path) -> None:
    """Write a new generation, then put it in force. What fails leaves the old generation in force."""
    name = f"gen-{uuid.uuid4().hex[:12]}"
    generation = folder / name
    generation.mkdir()
    try:
        spans = {
            "passages": [{k: v for k, v in _fields(p).items() if k not in ("text", "score")} for p in index.passages],
            "sentences": [{k: v for k, v in _fields(s).items() if k != "text"} for s in index.sentences],
        }
        contents = {"spans.json": json.dumps(spans).encode()}
        contents |= {f"{view}.faiss": faiss.serialize_index(index._vectors[view]).tobytes() for view in VIEWS}
        for file, data in contents.items():
            _write(generation / file, data)
        _sync_folder(generation)
        files = {file: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for file, data in contents.items()}
        _write(folder / "CURRENT.tmp", json.dumps({**wanted, "generation": name, "files": files}, indent=1).encode())
        (folder / "CURRENT.tmp").replace(folder / "CURRENT")
    except BaseException:
        shutil.rmtree(generation, ignore_errors=True)
        raise
    _sync_folder(folder)
    for old in folder.glob("gen-*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a folder to flush it
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(articles: Sequence[Article], wanted: dict[str, Any], folder: Path) -> Index | None:
    """Return the saved index if it is whole and was built from just this, else None."""
    try:
        current = json.loads((folder / "CURRENT").read_bytes())
        if any(current.get(key) != value for key, value in wanted.items()):
            return None
        contents = {file: (folder / current["generation"] / file).read_bytes() for file in current["files"]}
        if any(hashlib.sha256(data).hexdigest() != current["files"][file]["sha256"] for file, data in contents.items()):
            return None
        spans = json.loads(contents["spans.json"])
        vectors = {view: faiss.deserialize_index(np.frombuffer(contents[f"{view}.faiss"], dtype=np.uint8)) for view in VIEWS}
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None  # missing or damaged: the caller builds a new one from the articles, which are the truth
    texts = {article.id: article.text for article in articles}
    passages = [Passage(**span, text=texts[span["article_id"]][span["start"] : span["end"]]) for span in spans["passages"]]
    sentences = [Sentence(**span, text=texts[span["article_id"]][span["start"] : span["end"]]) for span in spans["sentences"]]
    counts = {"sentence": len(sentences), "context": len(sentences), "passage": len(passages)}
    return Index(articles, passages, sentences, vectors) if all(vectors[v].ntotal == counts[v] for v in VIEWS) else None
