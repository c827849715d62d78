"""Vectors by key, searched by inner product, embedded in this process. The only import of faiss.

The kind of index follows the size: every vector is compared up to `FLAT_LIMIT` of them; beyond it they are kept in
inverted lists around k-means centres, and a search looks into the nearest lists only. What shrinks far below that is compared whole
again.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from rag.errors import IndexStoreError, SettingsError
from rag.types import Hits, Keys, VectorEngine, Vectors

FLAT_LIMIT = 100_000
"""Vectors that are all compared, in some 20 ms; beyond so many that takes longer than the rest of a search."""
LISTS_PER_ROOT = 2
"""Inverted lists per square root of the number of vectors when they were trained."""
PROBES = 192
"""Inverted lists that a search looks into: of 67 119 sentences they find 0.99 of the 64 best, 48 find 0.91."""
OUTGROWN = 4
"""The centres are found again when the vectors are so many times those they were found for."""
_SAMPLES_PER_LIST = 64


class FaissStore:
    """Unit vectors of one dimension under integer keys, in memory; `state` is all of it as bytes."""

    def __init__(self, dimension: int, *, flat_limit: int = FLAT_LIMIT) -> None:
        self._flat_limit = flat_limit
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    @classmethod
    def from_state(cls, state: bytes, *, flat_limit: int = FLAT_LIMIT) -> FaissStore:
        """Return the store whose `state` this was.

        Raises:
            ValueError: it is none.
        """
        store = cls.__new__(cls)
        store._flat_limit = flat_limit
        try:
            store._index = faiss.deserialize_index(np.frombuffer(state, dtype=np.uint8))
        except RuntimeError as error:
            raise ValueError(f"no faiss index: {error}") from error
        if store._lists:
            store._index.nprobe = PROBES
        return store

    @property
    def kind(self) -> str:
        """How the vectors are searched: "flat", or "ivf" and the number of lists."""
        return f"ivf{self._lists}" if self._lists else "flat"

    @property
    def _lists(self) -> int:
        return self._index.nlist if isinstance(self._index, faiss.IndexIVF) else 0

    def __len__(self) -> int:
        """Return the number of vectors."""
        return int(self._index.ntotal)

    def add(self, keys: Keys, vectors: Vectors, /) -> None:
        """Add vectors of shape (len(keys), dimension) under keys that were never used before.

        Raises:
            IndexStoreError: the vectors are of another dimension.
        """
        if vectors.shape[1:] != (self._index.d,):  # faiss itself only asserts it
            raise IndexStoreError(
                f"The embedding model gives vectors of shape {vectors.shape[1:]}; the index holds ({self._index.d},). "
                "Build it again: python -m rag index --rebuild"
            )
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.ascontiguousarray(keys, dtype=np.int64))
        if self._outgrown():
            self._train()

    def remove(self, keys: Keys, /) -> None:
        """Remove the vectors under these keys; unknown keys are passed over."""
        self._index.remove_ids(np.ascontiguousarray(keys, dtype=np.int64))
        if self._lists and len(self) * OUTGROWN < self._flat_limit:  # lists of hardly anything find less than they could
            kept = self._keys()
            flat: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(self._index.d))
            flat.add_with_ids(self.get(kept), kept)
            self._index = flat

    def search(self, vector: Vectors, /, k: int) -> Hits:
        """Return the k nearest vectors (fewer where there are fewer), best first."""
        count = min(k, len(self))
        if count <= 0:
            return Hits(np.empty(0, np.float32), np.empty(0, np.int64))
        scores, keys = self._index.search(np.ascontiguousarray(vector[None, :], dtype=np.float32), count)
        found = keys[0] >= 0  # faiss answers -1 where it has nothing
        return Hits(scores[0][found], keys[0][found])

    def get(self, keys: Keys, /) -> Vectors:
        """Return the vectors under these keys, shape (len(keys), dimension); zeros under an unknown key."""
        keys = np.ascontiguousarray(keys, dtype=np.int64)
        try:
            return np.asarray(self._index.reconstruct_batch(keys), dtype=np.float32)
        except RuntimeError:  # one of them is unknown
            known = np.isin(keys, self._keys())
            rows = np.zeros((len(keys), self._index.d), np.float32)
            if known.any():
                rows[known] = self._index.reconstruct_batch(keys[known])
            return rows

    def state(self) -> memoryview:
        """Return the whole store as bytes."""
        return np.asarray(faiss.serialize_index(self._index)).data

    def settle(self, keys: Keys, /) -> None:
        """Do nothing: an embedded store lives and dies with its generation's files."""

    def _outgrown(self) -> bool:
        trained_for = (self._lists / LISTS_PER_ROOT) ** 2 * OUTGROWN if self._lists else self._flat_limit
        return len(self) > trained_for

    def _train(self) -> None:
        """Move every vector into inverted lists around new centres."""
        lists = int(LISTS_PER_ROOT * math.sqrt(len(self)))
        keys = self._keys()
        sample = np.random.default_rng(0).choice(keys, min(len(keys), lists * _SAMPLES_PER_LIST), replace=False)
        index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(self._index.d), self._index.d, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.spherical = True  # the centres of unit vectors are unit vectors
        index.cp.min_points_per_centroid = 1  # or faiss prints a warning for a small index
        index.train(self.get(sample))
        index.set_direct_map_type(faiss.DirectMap.Hashtable)  # type: ignore[attr-defined]
        index.nprobe = PROBES
        for block in np.array_split(keys, max(1, len(keys) // 10_000)):
            index.add_with_ids(self.get(block), block)
        self._index = index

    def _keys(self) -> Keys:
        if not self._lists:
            return np.asarray(faiss.vector_to_array(self._index.id_map), dtype=np.int64)
        inverted = self._index.invlists
        parts = [faiss.rev_swig_ptr(inverted.get_ids(i), inverted.list_size(i)).copy() for i in range(self._lists) if inverted.list_size(i)]
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)


class FaissEngine:
    """Makes and opens embedded stores."""

    name = "faiss"

    def create(self, view: str, dimension: int, /) -> FaissStore:
        """Return a new, empty store."""
        return FaissStore(dimension)

    def open(self, state: bytes, /) -> FaissStore:
        """Return the store whose state this was."""
        return FaissStore.from_state(state)

    def clear(self) -> None:
        """Do nothing: the vectors went with the generation's files."""


def vector_engine(name: str, folder: Path, *, token: str = "") -> VectorEngine:
    """Return the engine of a name: "" or "faiss", "milvus" for a file in the index folder, or a Milvus server's address.

    Raises:
        SettingsError: the name is none of these, or Milvus' client is not installed.
    """
    if name in ("", "faiss"):
        return FaissEngine()
    if name == "milvus" or name.startswith(("http://", "https://")):
        from rag.milvus import MilvusEngine

        return MilvusEngine(str(folder / "milvus.db") if name == "milvus" else name, folder, token=token)
    raise SettingsError(f"RAG_INDEX is {name!r}; it can be faiss, milvus, or a Milvus server's address such as http://localhost:19530.")
