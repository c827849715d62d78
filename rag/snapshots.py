"""All that is kept of an index, and the files it is kept in: `spans.json` and one file of vectors a view."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from rag.generations import Generation, State
from rag.types import Article, Keys, Passage, Sentence, VectorEngine, VectorStore

Unit = Literal["sentence", "passage"]


@dataclass(frozen=True, slots=True)
class Part:
    """One article in the index: its vectors lie under consecutive keys from `key` on, in every view's own store.

    `sentence.passage` is a position in this part's own passages.
    """

    article: Article
    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]
    key: int

    def items(self, of: Unit) -> Sequence[Any]:
        """Return the sentences or the passages."""
        return self.sentences if of == "sentence" else self.passages

    def keys(self, of: Unit) -> Keys:
        """Return the keys of the sentences or of the passages."""
        return np.arange(self.key, self.key + len(self.items(of)), dtype=np.int64)

    @property
    def next_key(self) -> int:
        """The first key that this part leaves free."""
        return self.key + max(len(self.sentences), len(self.passages))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is kept of an index: its articles in order, a vector store a view, and what it was built from."""

    parts: tuple[Part, ...]
    stores: Mapping[str, VectorStore]
    state: State


def keys_of(parts: Sequence[Part], of: Unit) -> Keys:
    """Return the keys of all sentences or passages of these parts, in order."""
    return np.concatenate([part.keys(of) for part in parts])


def contents(snapshot: Snapshot) -> Iterator[tuple[str, bytes | memoryview]]:
    """Yield the files of a snapshot's generation, each made when it is asked for."""
    spans: dict[str, Any] = {"fields": {"passages": _fields(Passage), "sentences": _fields(Sentence)}, "articles": []}
    for part in snapshot.parts:
        rows = {
            "passages": [[getattr(passage, name) for name in _fields(Passage)] for passage in part.passages],
            "sentences": [[getattr(sentence, name) for name in _fields(Sentence)] for sentence in part.sentences],
        }
        spans["articles"].append({"article": asdict(part.article), "key": part.key, **rows})
    yield "spans.json", json.dumps(spans).encode()
    for name, store in snapshot.stores.items():
        yield f"{name}.vectors", store.state()


def parse(generation: Generation, engine: VectorEngine, views: Mapping[str, Unit]) -> Snapshot:
    """Return the snapshot of a generation; `views` says of what each of its vector stores is.

    Raises:
        DamagedError: a file is missing or not the one that was written, or the vectors are not there.
    """
    try:
        spans = json.loads(generation.read("spans.json"))
        parts = tuple(_parse_part(entry, spans["fields"]) for entry in spans["articles"])
    except (KeyError, TypeError, ValueError) as error:
        raise generation.damaged(f"spans.json is of another form ({error!r})") from error
    stores: dict[str, VectorStore] = {}
    for view, of in views.items():
        try:
            stores[view] = engine.open(generation.read(f"{view}.vectors"))
        except ValueError as error:
            raise generation.damaged(f"{view}.vectors: {error}") from error
        if len(stores[view]) < len(keys_of(parts, of)):
            raise generation.damaged(f"{view}.vectors lacks some of the {of}s")
    return Snapshot(parts, stores, generation.state)


def _parse_part(entry: Mapping[str, Any], names: Mapping[str, list[str]]) -> Part:
    article = Article(**entry["article"])
    passages = [dict(zip(names["passages"], row, strict=True)) for row in entry["passages"]]
    sentences = [dict(zip(names["sentences"], row, strict=True)) for row in entry["sentences"]]
    return Part(
        article,
        tuple(Passage(**p, article_id=article.id, text=article.text[p["start"] : p["end"]]) for p in passages),
        tuple(Sentence(**s, article_id=article.id, text=article.text[s["start"] : s["end"]]) for s in sentences),
        entry["key"],
    )


def _fields(kind: type[Passage | Sentence]) -> list[str]:
    """Return the fields that are kept: not those that the article gives back."""
    return [field.name for field in fields(kind) if field.name not in ("article_id", "text", "score")]
