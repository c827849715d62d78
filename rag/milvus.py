"""Vectors in Milvus: a server or cluster that several machines share, or Milvus Lite in a file. The only import of pymilvus.

A store is a collection of (key, vector). What is added shows at once but belongs to no index until a generation of files
names it; what is removed goes when `settle` says that the generation without it is in force. So a reader that still has
the generation before finds all of its vectors, and one that dies half-way leaves nothing that is ever returned.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rag.disk import Disk
from rag.errors import IndexStoreError, SettingsError
from rag.types import Hits, Keys, Vectors

try:
    from pymilvus import DataType, MilvusClient
    from pymilvus.exceptions import MilvusException
except ImportError as error:
    raise SettingsError(
        f"RAG_INDEX names Milvus, whose client is not installed ({error}). Run: pip install 'footnote-rag[milvus]', or unset RAG_INDEX."
    ) from error

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs each error that it also raises

BATCH = 1_000
"""Vectors in one request."""
MOST_HITS = 16_384
"""Milvus' own limit on the hits of one search."""
OWNER = "milvus.json"


class MilvusStore:
    """One collection of unit vectors under integer keys."""

    def __init__(self, client: MilvusClient, collection: str, dimension: int, *, flushes: bool) -> None:
        self._client = client
        self._collection = collection
        self._dimension = dimension
        self._flushes = flushes

    def __len__(self) -> int:
        """Return the number of vectors, those that no index needs included."""
        with _milvus_errors():
            return int(self._client.query(self._collection, output_fields=["count(*)"])[0]["count(*)"])

    def add(self, keys: Keys, vectors: Vectors, /) -> None:
        """Add vectors of shape (len(keys), dimension); what a build that died left under these keys is replaced.

        Raises:
            IndexStoreError: the vectors are of another dimension, or Milvus fails.
        """
        if vectors.shape[1:] != (self._dimension,):
            raise IndexStoreError(
                f"The embedding model gives vectors of shape {vectors.shape[1:]}; the index holds ({self._dimension},). "
                "Build it again: python -m rag index --rebuild"
            )
        rows = [{"key": int(key), "vector": vector} for key, vector in zip(keys, vectors, strict=True)]
        with _milvus_errors():
            for start in range(0, len(rows), BATCH):
                self._client.upsert(self._collection, rows[start : start + BATCH])

    def remove(self, keys: Keys, /) -> None:
        """Do nothing yet: the index in force needs them until `settle`."""

    def search(self, vector: Vectors, /, k: int) -> Hits:
        """Return the k nearest vectors (fewer where there are fewer), best first."""
        with _milvus_errors():
            query = [np.asarray(vector, dtype=np.float32)]
            hits = self._client.search(self._collection, query, limit=max(1, min(k, MOST_HITS)), output_fields=["key"])[0]
        scores = np.array([hit["distance"] for hit in hits], dtype=np.float32)
        return Hits(scores, np.array([hit["entity"]["key"] for hit in hits], dtype=np.int64))

    def get(self, keys: Keys, /) -> Vectors:
        """Return the vectors under these keys, shape (len(keys), dimension); zeros under an unknown key."""
        rows = np.zeros((len(keys), self._dimension), np.float32)
        wanted = [int(key) for key in keys]
        with _milvus_errors():
            for start in range(0, len(wanted), BATCH):
                entries = self._client.get(self._collection, ids=wanted[start : start + BATCH], output_fields=["key", "vector"])
                found = {entry["key"]: entry["vector"] for entry in entries}
                for row, key in enumerate(wanted[start : start + BATCH], start=start):
                    if key in found:
                        rows[row] = found[key]
        return rows

    def state(self) -> bytes:
        """Return where the vectors are, after making sure that they last."""
        if self._flushes:
            with _milvus_errors():
                self._client.flush(self._collection)
        return json.dumps({"collection": self._collection, "dimension": self._dimension}).encode()

    def settle(self, keys: Keys, /) -> None:
        """Delete every vector but those under these keys, and every older collection of the same view."""
        needed = set(keys.tolist())
        with _milvus_errors():
            if len(self) != len(needed):
                unneeded = [key for key in self._keys() if key not in needed]
                for start in range(0, len(unneeded), BATCH):
                    self._client.delete(self._collection, ids=unneeded[start : start + BATCH])
            owner, _, view = self._collection.rsplit("_", 2)
            for other in self._client.list_collections():
                if other.startswith(f"{owner}_") and other.endswith(f"_{view}") and other != self._collection:
                    self._client.drop_collection(other)

    def _keys(self) -> list[int]:
        found: list[int] = []
        iterator = self._client.query_iterator(self._collection, batch_size=BATCH, output_fields=["key"])
        while batch := iterator.next():
            found += [int(entry["key"]) for entry in batch]
        iterator.close()
        return found


class MilvusEngine:
    """Makes and opens collections at one address: `http(s)://host:port` for a server, else a file of Milvus Lite.

    The collections of one index folder carry an id of the folder's own, so that folders which share a server never touch
    each other's.
    """

    def __init__(self, address: str, folder: Path, *, token: str = "") -> None:
        self._address = address
        self._folder = folder
        self._token = token
        self._lite = not address.startswith(("http://", "https://"))

    @property
    def name(self) -> str:
        """The engine and, for a server, its address: another server holds other vectors."""
        return "milvus" if self._lite else f"milvus at {self._address}"

    @cached_property
    def client(self) -> MilvusClient:
        """The connection, made when it is first needed."""
        if self._lite:
            Path(self._address).parent.mkdir(parents=True, exist_ok=True)
        try:
            return MilvusClient(self._address, token=self._token)
        except (MilvusException, ValueError, OSError) as error:
            hint = (
                "Milvus Lite lets one process in at a time: end the other one, or run a server and name it in RAG_INDEX."
                if self._lite
                else "Check the address in RAG_INDEX and the token in RAG_INDEX_TOKEN, and that the server runs."
            )
            raise IndexStoreError(f"Milvus at {self._address} cannot be reached ({_first_line(error)}). {hint}") from error

    def create(self, view: str, dimension: int, /) -> MilvusStore:
        """Return a new, empty collection for a view."""
        name = f"{self._owner}_{uuid.uuid4().hex[:12]}_{view}"
        with _milvus_errors():
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            index = self.client.prepare_index_params()
            index.add_index("vector", index_type="FLAT" if self._lite else "AUTOINDEX", metric_type="IP")
            self.client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
        return MilvusStore(self.client, name, dimension, flushes=self._lite)

    def open(self, state: bytes, /) -> MilvusStore:
        """Return the collection whose state this was.

        Raises:
            ValueError: it is gone, or this is no state.
        """
        try:
            known: dict[str, Any] = json.loads(state)
            name, dimension = str(known["collection"]), int(known["dimension"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"no collection of Milvus ({error!r})") from error
        with _milvus_errors():
            if not self.client.has_collection(name):
                raise ValueError(f"the collection {name} is gone")
            self.client.load_collection(name)
        return MilvusStore(self.client, name, dimension, flushes=self._lite)

    def clear(self) -> None:
        """Drop every collection of this index folder."""
        with _milvus_errors():
            for name in self.client.list_collections():
                if name.startswith(f"{self._owner}_"):
                    self.client.drop_collection(name)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "client" in self.__dict__:
            self.client.close()
            del self.__dict__["client"]

    @cached_property
    def _owner(self) -> str:
        """The folder's id, made once and kept beside the index."""
        file, disk = self._folder / OWNER, Disk()
        try:
            return str(json.loads(file.read_text())["owner"])
        except (OSError, ValueError, KeyError, TypeError):
            owner = f"footnote_{uuid.uuid4().hex[:12]}"
            disk.make_folder(self._folder)
            disk.write(file.with_suffix(".tmp"), json.dumps({"owner": owner}).encode())
            disk.replace(file.with_suffix(".tmp"), file)
            return owner


@contextmanager
def _milvus_errors() -> Iterator[None]:
    try:
        yield
    except MilvusException as error:
        raise IndexStoreError(
            f"Milvus failed: {_first_line(error)}. Check that it runs; if its data are gone: python -m rag index --rebuild"
        ) from error


def _first_line(error: Exception) -> str:
    message = str(getattr(error, "message", "") or error)
    return (message.splitlines() or [type(error).__name__])[0][:200].rstrip(".")
