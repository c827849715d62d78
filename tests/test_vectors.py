"""One contract for every vector engine, checked against plain NumPy; and what the size of an index changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexStoreError
from rag.types import VectorEngine, Vectors
from rag.vectors import FaissEngine, FaissStore

from .servers import milvus_server


def unit_vectors(count: int, dimension: int = 16, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Milvus server and yield its address."""
    pytest.importorskip("milvus_lite", reason="the extra [milvus] is not installed")
    with milvus_server(tmp_path_factory.mktemp("milvus")) as address:
        yield address


@pytest.fixture(params=["faiss", "milvus in a file", "milvus server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorEngine]:
    if request.param == "faiss":
        yield FaissEngine()
        return
    pytest.importorskip("pymilvus", reason="the extra [milvus] is not installed")
    from rag.milvus import MilvusEngine

    address = request.getfixturevalue("server") if request.param == "milvus server" else str(tmp_path / "milvus.db")
    milvus = MilvusEngine(address, tmp_path)
    yield milvus
    milvus.clear()
    milvus.close()


VECTORS = unit_vectors(300)
KEYS = np.arange(300, dtype=np.int64) * 3 + 10


def test_search_gives_the_nearest_vectors_best_first(engine: VectorEngine) -> None:
    store = engine.create("sentence", 16)
    store.add(KEYS, VECTORS)
    query = unit_vectors(1, seed=9)[0]
    scores, keys = store.search(query, 20)
    expected = np.argsort(-(VECTORS @ query))[:20]
    assert keys.tolist() == KEYS[expected].tolist()
    np.testing.assert_allclose(scores, (VECTORS @ query)[expected], atol=1e-5)


def test_vectors_come_back_under_their_keys_and_zeros_under_others(engine: VectorEngine) -> None:
    store = engine.create("sentence", 16)
    store.add(KEYS, VECTORS)
    got = store.get(np.array([KEYS[5], 1, KEYS[2]]))
    np.testing.assert_allclose(got, [VECTORS[5], np.zeros(16), VECTORS[2]], atol=1e-6)


def test_removed_vectors_are_gone_once_settled(engine: VectorEngine) -> None:
    store = engine.create("sentence", 16)
    store.add(KEYS, VECTORS)
    store.remove(np.append(KEYS[:100], 999_999))
    store.settle(KEYS[100:])
    assert len(store) == 200
    assert not set(store.search(VECTORS[0], 300).keys.tolist()) & set(KEYS[:100].tolist())
    assert not store.get(KEYS[:1]).any()


def test_a_store_opened_by_its_state_holds_the_same_and_grows(engine: VectorEngine) -> None:
    store = engine.create("sentence", 16)
    store.add(KEYS[:200], VECTORS[:200])
    opened = engine.open(bytes(store.state()))
    assert opened.search(VECTORS[7], 1).keys.tolist() == [KEYS[7]]
    opened.add(KEYS[200:], VECTORS[200:])
    assert len(opened) == 300
    assert opened.search(VECTORS[250], 1).keys.tolist() == [KEYS[250]]


def test_more_than_there_is_can_be_asked_for(engine: VectorEngine) -> None:
    """Row I11."""
    store = engine.create("sentence", 16)
    store.add(KEYS[:3], VECTORS[:3])
    assert len(store.search(VECTORS[0], 50).keys) == 3


def test_vectors_of_another_dimension_are_refused(engine: VectorEngine) -> None:
    store = engine.create("sentence", 16)
    with pytest.raises(IndexStoreError, match="--rebuild"):
        store.add(KEYS, unit_vectors(300, 8))


def test_what_is_no_state_is_refused(engine: VectorEngine) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        engine.open(b"nonsense")


def test_vectors_added_and_read_in_blocks_larger_than_one_request(engine: VectorEngine) -> None:
    store, vectors = engine.create("sentence", 16), unit_vectors(2500)
    store.add(np.arange(2500), vectors)
    assert len(store) == 2500
    np.testing.assert_allclose(store.get(np.arange(2500)), vectors, atol=1e-6)


def test_two_stores_of_one_engine_are_apart(engine: VectorEngine) -> None:
    one, other = engine.create("sentence", 16), engine.create("passage", 16)
    one.add(KEYS, VECTORS)
    other.add(KEYS[:2], VECTORS[:2])
    assert (len(one), len(other)) == (300, 2)


@pytest.fixture
def many() -> tuple[FaissStore, Vectors]:
    """Return a store past its flat limit, and its vectors: 4 000 around 40 centres, as texts are around topics."""
    centres = np.repeat(unit_vectors(40, 32, seed=1), 100, axis=0)
    vectors = centres + 0.8 * unit_vectors(4000, 32, seed=2)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    store = FaissStore(32, flat_limit=1000)
    for start in range(0, 4000, 250):
        store.add(np.arange(start, start + 250), vectors[start : start + 250])
    return store, vectors


def test_a_store_that_outgrows_the_flat_limit_keeps_lists_and_finds_nearly_all(many: tuple[FaissStore, Vectors]) -> None:
    store, vectors = many
    assert store.kind.startswith("ivf")
    found = [set(store.search(query, 20).keys.tolist()) & set(np.argsort(-(vectors @ query))[:20].tolist()) for query in vectors[::100]]
    assert sum(map(len, found)) / (20 * len(found)) > 0.98


def test_lists_give_back_remove_and_keep_like_a_flat_store(many: tuple[FaissStore, Vectors]) -> None:
    store, vectors = many
    store.remove(np.arange(0, 2000))
    opened = FaissStore.from_state(bytes(store.state()), flat_limit=1000)
    assert (len(opened), opened.kind) == (2000, store.kind)
    np.testing.assert_allclose(opened.get(np.array([1999, 2000])), [np.zeros(32), vectors[2000]], atol=1e-6)
    assert opened.search(vectors[3000], 1).keys.tolist() == [3000]
    assert not set(opened.search(vectors[5], 100).keys.tolist()) & set(range(2000))


def test_lists_are_drawn_again_when_the_store_has_grown_fourfold(many: tuple[FaissStore, Vectors]) -> None:
    store, vectors = many
    before = store.kind
    store.add(np.arange(10_000, 14_000), vectors)
    assert store.kind != before
    assert len(store) == 8000


def test_a_store_that_shrinks_far_below_the_flat_limit_compares_every_vector_again(many: tuple[FaissStore, Vectors]) -> None:
    store, vectors = many
    store.remove(np.arange(0, 3800))
    assert (len(store), store.kind) == (200, "flat")
    query = vectors[3900]
    assert store.search(query, 20).keys.tolist() == (3800 + np.argsort(-(vectors[3800:] @ query))[:20]).tolist()
    store.remove(np.arange(3800, 4000))
    assert len(store) == 0
    assert store.search(query, 5).keys.tolist() == []
