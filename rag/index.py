"""Articles to an index of scored sentences, kept on disk and brought up to date article by article.

An index on disk is whole in itself: it holds the articles' texts too, so it can be searched while a newer one is being
built. `generations` keeps the files, a `VectorStore` keeps the vectors, bm25s the terms.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import bm25s
import numpy as np
import numpy.typing as npt
import Stemmer
from filelock import FileLock, Timeout

from rag import chunking, generations, snapshots
from rag.disk import Disk
from rag.errors import IndexStoreError
from rag.generations import CURRENT, PARTIAL, DamagedError, Generation, State
from rag.snapshots import Part, Snapshot, Unit, keys_of
from rag.text import stem, words
from rag.types import Article, Embedder, Keys, Sentence, VectorEngine, Vectors, VectorStore
from rag.vectors import FaissEngine

logger = logging.getLogger(__name__)

BLOCK = 256
"""Texts embedded at once."""
CHECKPOINT = 100_000
"""Texts embedded before what there is gets saved, so that a long build that is stopped need not begin again."""
LOCK_SECONDS = 600.0
RARITIES = 10_000
"""Words whose rarity is remembered."""

Progress = Callable[[int, int], None]
Scores = npt.NDArray[np.float32]


class View(NamedTuple):
    """One way to embed sentences or passages: its name, of what, and which text of one is embedded."""

    name: str
    of: Unit
    text: Callable[[Any], str]


VIEWS = (
    View("sentence", "sentence", lambda sentence: sentence.text),
    View("context", "sentence", lambda sentence: f"{sentence.previous} {sentence.text}".strip()),
    View("passage", "passage", lambda passage: passage.text),
)
"""What is embedded: each sentence alone, each sentence after the one before it, and each passage."""
VIEWS_VERSION = "1"
"""To be raised whenever a view of the same name embeds other text than before."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Sentences found for a question: `ids` into `Index.sentences`, and one score a sentence and part, best high.

    The dense parts are cosines in -1..1; "bm25" is the BM25 score over the highest of this search, in 0..1.
    """

    ids: npt.NDArray[np.int64]
    parts: dict[str, Scores]

    def best(self, weights: Mapping[str, float], count: int) -> Candidates:
        """Return so many of them, those with the highest weighted sums of their scores, in the order of their ids."""
        sums = sum((weights[part] * scores for part, scores in self.parts.items()), np.zeros(len(self.ids), np.float32))
        top = np.sort(np.argsort(-sums, kind="stable")[:count])
        return Candidates(self.ids[top], {part: scores[top] for part, scores in self.parts.items()})


class Index:
    """Sentences and passages of a corpus with their vectors (inner product) and terms (BM25); never changed once made."""

    def __init__(self, snapshot: Snapshot) -> None:
        parts = snapshot.parts
        self.state = snapshot.state
        self.stores = snapshot.stores
        self.articles = {part.article.id: part.article for part in parts}
        self.passages = tuple(passage for part in parts for passage in part.passages)
        self.sentences = tuple(_placed(parts))
        self._sentence_keys = keys_of(parts, "sentence")
        self._passage_keys = keys_of(parts, "passage")
        self._by_key = np.argsort(self._sentence_keys)
        self._stemmer = Stemmer.Stemmer("english")
        self._bm25 = bm25s.BM25()
        terms = self._terms([sentence.text for sentence in self.sentences])
        self._frequency = Counter(term for line in terms for term in set(line))
        if self._frequency:  # else the mean length of a sentence is 0, by which BM25 divides
            self._bm25.index(terms, show_progress=False)
        self._rarities: dict[str, float] = {}
        self._ranges = dict(_ranges(parts))
        self.vocabulary = _vocabulary(self.articles.values())

    def search(self, question: str, vector: Vectors, *, k: int) -> Candidates:
        """Return the union of the k best sentences of every part, each with all its scores.

        `vector` is the question's embedding, shape (dimension,).
        """
        if not np.isfinite(vector).all():
            return Candidates(np.empty(0, np.int64), {})
        terms = self._term_scores(question)
        found = [_best(terms, k)]
        for view in VIEWS:
            if view.of == "sentence":
                store = self.stores[view.name]
                # a store that others write to may hold vectors that are not this index's
                hits = store.search(vector, k + max(0, len(store) - len(self.sentences)))
                found.append(self._positions(hits.keys)[:k])
        chosen = np.unique(np.concatenate(found)).astype(np.int64)
        passages = np.array([self.sentences[i].passage for i in chosen], dtype=np.int64)
        keys = {"sentence": self._sentence_keys[chosen], "passage": self._passage_keys[passages]}
        parts = {view.name: (self.stores[view.name].get(keys[view.of]) @ vector).astype(np.float32) for view in VIEWS}
        parts["bm25"] = (terms[chosen] / max(float(terms.max(initial=0.0)), 1e-9)).astype(np.float32)
        return Candidates(chosen, parts)

    def rarity(self, word: str) -> float:
        """Return a word's inverse document frequency, log((N + 1) / (n + 0.5)), n of the N sentences holding its stem."""
        if word not in self._rarities:  # tokenizing one word is slow, and questions share most of theirs
            if len(self._rarities) >= RARITIES:
                self._rarities.clear()
            stems = self._terms([word])[0]
            frequency = self._frequency[stems[0]] if stems else len(self.sentences)
            self._rarities[word] = math.log((len(self.sentences) + 1) / (frequency + 0.5))
        return self._rarities[word]

    def of_article(self, article_id: str) -> tuple[Sentence, ...]:
        """Return one article's sentences, in order."""
        return self.sentences[self._ranges[article_id]]

    def _positions(self, keys: Keys) -> npt.NDArray[np.int64]:
        """Return the positions of the sentences of these keys, in order; keys of other indexes are left out."""
        places = np.searchsorted(self._sentence_keys, keys, sorter=self._by_key)
        positions = self._by_key[np.minimum(places, len(self._by_key) - 1)]
        return np.asarray(positions[self._sentence_keys[positions] == keys], dtype=np.int64)

    def _terms(self, texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False, return_ids=False)

    def _term_scores(self, question: str) -> Scores:
        terms = self._terms([question])[0]
        if not terms or not self._frequency:
            return np.zeros(len(self.sentences), np.float32)
        return np.asarray(self._bm25.get_scores(terms), dtype=np.float32)


def _ranges(parts: Sequence[Part]) -> Iterator[tuple[str, slice]]:
    """Yield where each article's sentences lie among those of all parts."""
    start = 0
    for part in parts:
        yield part.article.id, slice(start, start := start + len(part.sentences))


def _best(scores: Scores, k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the k highest scores above 0, highest first and the earlier of equals first."""
    least = np.partition(scores, -k)[-k] if 0 < k < len(scores) else 0.0
    candidates = np.flatnonzero((scores >= least) & (scores > 0))  # sorting them all takes longer than all else of a search
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


def build_index(articles: Sequence[Article], embedder: Embedder, progress: Progress | None = None) -> Index:
    """Return a new index in memory.

    Raises:
        IndexStoreError: the articles hold no sentence, or the embedding model gives unusable vectors.
    """
    engine = FaissEngine()
    *_, whole = _embedded(articles, None, _state(articles, embedder, engine), embedder, engine, progress)
    return Index(whole)


@dataclass(frozen=True)
class IndexStore:
    """Where an index lies and what it is made with.

    `checkpoint` is the number of texts embedded between two savings of an unfinished build, `patience` how many seconds
    to wait for another process that is building the index.
    """

    folder: Path
    embedder: Embedder
    engine: VectorEngine = field(default_factory=FaissEngine)
    disk: Disk = field(default_factory=Disk)
    checkpoint: int = CHECKPOINT
    patience: float = LOCK_SECONDS

    def open(
        self, articles: Sequence[Article], progress: Progress | None = None, *, wait: bool = True, current: Index | None = None
    ) -> Index:
        """Return the index of these articles: the one on disk where it is theirs, else that one brought up to date.

        Only new and changed articles are embedded (all of them where the embedding model, the engine or the chunker
        changed, or the index is damaged); file times do not matter. `progress` is called with (done, total) texts while
        embedding. While another process builds the index, the one it will replace is returned unless `wait` is set.
        `current` is an index in memory, returned where it is these articles'.

        Raises:
            IndexStoreError: the folder cannot be written, another process holds it for too long, the articles hold no
                sentence, or the index was written by a newer Footnote.
        """
        wanted = _state(articles, self.embedder, self.engine)
        if current and current.state == wanted:
            return current
        found = self._load(wanted)
        if found and found.state == wanted:
            self._tidy()
            return Index(found)
        servable = None if wait else found
        del found  # a large index should not be in memory twice
        try:
            with self._writing(0.0 if servable else self.patience):
                servable = None
                return Index(self._update(articles, wanted, progress))
        except _BusyError:
            if servable is None:
                raise
            logger.warning("Another process is building the index; until it is done, the one before is searched.")
            return Index(servable)

    def rebuild(self, articles: Sequence[Article], progress: Progress | None = None) -> Index:
        """Embed every article again, whatever lies on disk, and return the new index. Raises as `open` does."""
        with self._writing(self.patience):
            wanted = _state(articles, self.embedder, self.engine)
            return Index(self._build(articles, None, wanted, progress))

    def stamp(self) -> object:
        """Return what differs once another index was put in force, by whichever process; None where there is none."""
        try:
            found = (self.folder / CURRENT).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def clear(self) -> None:
        """Remove the index from disk, as there is no article left. Raises as `open` does."""
        with self._writing(self.patience):
            generations.clear(self.folder, disk=self.disk)
            self.engine.clear()

    def _update(self, articles: Sequence[Article], wanted: State, progress: Progress | None) -> Snapshot:
        old = self._load(wanted)
        if old and old.state == wanted:
            return old  # another process built it while this one waited
        return self._build(articles, self._load(wanted, PARTIAL) or old, wanted, progress)

    def _build(self, articles: Sequence[Article], base: Snapshot | None, wanted: State, progress: Progress | None) -> Snapshot:
        """Embed what the base lacks, put the new generation in force and return it; called under the lock."""
        for snapshot in _embedded(articles, base, wanted, self.embedder, self.engine, progress, every=self.checkpoint):
            self._commit(snapshot, CURRENT if snapshot.state == wanted else PARTIAL)
        for view in VIEWS:
            snapshot.stores[view.name].settle(keys_of(snapshot.parts, view.of))
        return snapshot

    def _load(self, wanted: State, pointer: str = CURRENT) -> Snapshot | None:
        """Return what lies on disk if its vectors can be used for what is wanted; None where there is nothing or only damage."""

        def read(generation: Generation) -> Snapshot | None:
            if difference := wanted.difference(generation.state):
                logger.info("The index was built with %s; every article is embedded again.", difference)
                return None
            return snapshots.parse(generation, self.engine, {view.name: view.of for view in VIEWS})

        try:
            return generations.load(self.folder, read, pointer)
        except DamagedError as error:
            logger.warning("%s", str(error).replace("Build it again:", "It is built again now, as by:"))
            return None

    def _tidy(self) -> None:
        """Remove what a process that died left behind, such as the texts of articles since removed."""
        if generations.leftovers(self.folder):
            with suppress(IndexStoreError), self._writing(0.0):
                generations.sweep(self.folder, disk=self.disk)

    def _commit(self, snapshot: Snapshot, pointer: str) -> None:
        generations.commit(self.folder, snapshot.state, snapshots.contents(snapshot), disk=self.disk, pointer=pointer)

    @contextmanager
    def _writing(self, seconds: float) -> Iterator[None]:
        """Hold the folder's lock; turn what a disk can answer into errors that say what to do."""
        try:
            self.disk.make_folder(self.folder)
            with FileLock(self.folder / "lock", timeout=seconds):
                yield
        except Timeout:
            raise _BusyError(
                f"Another process has been building the index in {self.folder} for {seconds:.0f} s. Wait for it, or end it."
            ) from None
        except OSError as error:
            raise IndexStoreError(
                f"The index cannot be written to {self.folder}: {error.strerror or error}. Free space there, or set RAG_INDEX_DIR."
            ) from error


class _BusyError(IndexStoreError):
    """Another process holds the lock."""


def _embedded(
    articles: Sequence[Article],
    base: Snapshot | None,
    wanted: State,
    embedder: Embedder,
    engine: VectorEngine,
    progress: Progress | None = None,
    every: int = CHECKPOINT,
) -> Iterator[Snapshot]:
    """Yield a snapshot of what is embedded so far every so many texts, and that of all these articles last.

    Articles of the base are taken over where they are the same; its other vectors are removed.
    """
    parts, stores, fresh = _taken_over(articles, base, wanted)
    total = sum(len(part.items(view.of)) for part in fresh for view in VIEWS)
    if not any(part.sentences for part in [*parts, *fresh]):
        raise IndexStoreError("The articles hold headings only and no sentence. Add an article with some text.")
    done = saved = 0
    for group in _groups(fresh, min(BLOCK, every)):
        done += _embed(group, stores, embedder, engine)
        parts += group
        if progress:
            progress(done, total)
        if every <= done - saved < total - saved:
            saved = done
            yield _snapshot(parts, stores, wanted)
    yield _snapshot(parts, stores, wanted)


def _taken_over(articles: Sequence[Article], base: Snapshot | None, wanted: State) -> tuple[list[Part], dict[str, VectorStore], list[Part]]:
    """Return the parts of the base that still hold, its stores without the others' vectors, and new parts to embed."""
    kept: dict[str, Part] = {}
    gone: list[Part] = []
    stores = dict(base.stores) if base else {}
    for part in base.parts if base else ():
        if base and wanted.articles.get(part.article.id) == base.state.articles[part.article.id]:
            kept[part.article.id] = part
        else:
            gone.append(part)
    if gone:
        for view in VIEWS:  # all at once: a store may look through all of its vectors each time
            stores[view.name].remove(keys_of(gone, view.of))
    key = max((part.next_key for part in base.parts), default=0) if base else 0
    fresh = []
    for article in articles:
        if article.id not in kept:
            passages, sentences = chunking.split_article(article)
            if not sentences:
                logger.warning("%s holds headings only and no sentence; nothing in it can be cited.", article.id)
            fresh.append(Part(article, tuple(passages), tuple(sentences), key))
            key = fresh[-1].next_key
    return list(kept.values()), stores, fresh


def _groups(parts: Sequence[Part], size: int) -> Iterator[list[Part]]:
    """Yield the parts in groups of `size` texts, and what the last of them has more."""
    group: list[Part] = []
    for part in parts:
        group.append(part)
        if sum(len(p.items(view.of)) for p in group for view in VIEWS) >= size:
            yield group
            group = []
    if group:
        yield group


def _embed(group: Sequence[Part], stores: dict[str, VectorStore], embedder: Embedder, engine: VectorEngine) -> int:
    """Add the group's vectors to the stores, made where there are none, and return the number of its texts."""
    texts = {view.name: [view.text(item) for part in group for item in part.items(view.of)] for view in VIEWS}
    distinct = list(dict.fromkeys(text for lines in texts.values() for text in lines))
    blocks = [distinct[i : i + BLOCK] for i in range(0, len(distinct), BLOCK)]
    vectors = np.concatenate([_checked(embedder.encode(block), block) for block in blocks])
    row = {text: i for i, text in enumerate(distinct)}
    for view in VIEWS:
        if view.name not in stores:
            stores[view.name] = engine.create(view.name, vectors.shape[1])
        stores[view.name].add(keys_of(group, view.of), vectors[[row[text] for text in texts[view.name]]])
    return sum(map(len, texts.values()))


def _checked(vectors: Vectors, texts: Sequence[str]) -> Vectors:
    shape_ok = vectors.ndim == 2 and len(vectors) == len(texts)
    norms = np.linalg.norm(vectors, axis=1) if shape_ok else np.zeros(1)
    if not shape_ok or not np.isfinite(norms).all() or np.abs(norms - 1).max() > 1e-3:
        bad = texts[int(np.argmax(~np.isfinite(norms) | (np.abs(norms - 1) > 1e-3)))] if shape_ok else texts[0]
        raise IndexStoreError(f"The embedding model gives no unit vector for {bad[:60]!r}. Use another embedding model.")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _vocabulary(articles: Iterable[Article]) -> frozenset[str]:
    """Return the stems of all words of the articles; each distinct stretch between spaces is looked at once."""
    distinct = {piece for article in articles for piece in f"{article.title} {article.text}".split()}
    return frozenset(stem(word) for word in words(" ".join(distinct)))


def _placed(parts: Sequence[Part]) -> Iterator[Sentence]:
    """Yield every sentence with the position of its passage among those of all parts."""
    offset = 0
    for part in parts:
        for sentence in part.sentences:
            yield replace(sentence, passage=sentence.passage + offset)
        offset += len(part.passages)


def _state(articles: Sequence[Article], embedder: Embedder, engine: VectorEngine) -> State:
    """Return what an index of these articles is built from: for each, a hash over all that is indexed or shown of it."""
    hashes = {a.id: hashlib.sha256(json.dumps(asdict(a)).encode()).hexdigest() for a in articles}
    views = ",".join([*(view.name for view in VIEWS), VIEWS_VERSION])
    return State(chunking.FINGERPRINT, embedder.fingerprint, engine.name, views, hashes)


def _snapshot(parts: Sequence[Part], stores: Mapping[str, VectorStore], wanted: State) -> Snapshot:
    """Return the parts, ordered as the articles that are wanted, as a snapshot of their own state."""
    by_id = {part.article.id: part for part in parts}
    ordered = tuple(by_id[id_] for id_ in wanted.articles if id_ in by_id)
    hashes = {part.article.id: wanted.articles[part.article.id] for part in ordered}
    return Snapshot(ordered, dict(stores), replace(wanted, articles=hashes))
