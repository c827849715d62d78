"""The whole index over Milvus Lite: the same answers as over FAISS, and whole whatever happens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="the extra [milvus] is not installed")
pytest.importorskip("milvus_lite", reason="the extra [milvus] is not installed")

from rag.config import PROJECT, Settings
from rag.corpus import load_corpus
from rag.errors import IndexStoreError, SettingsError
from rag.index import IndexStore
from rag.milvus import MilvusEngine
from rag.pipeline import Assistant
from rag.vectors import FaissEngine, vector_engine

from .conftest import QueueReader, WordEmbedder
from .disks import Died, DyingDisk
from .test_generations import NEW, OLD

QUESTIONS = ("Who rang the bell?", "What did the fire destroy?", "boats")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[MilvusEngine]:
    milvus = MilvusEngine(str(tmp_path / "milvus.db"), tmp_path / "index")
    yield milvus
    milvus.close()


def collections(engine: MilvusEngine) -> list[str]:
    return sorted(name.rsplit("_", 1)[1] for name in engine.client.list_collections())


def test_an_index_over_milvus_scores_as_one_over_faiss(engine: MilvusEngine, corpus: Path, tmp_path: Path) -> None:
    articles = load_corpus(corpus)
    one = IndexStore(tmp_path / "index", WordEmbedder(), engine).open(articles)
    other = IndexStore(tmp_path / "other", WordEmbedder(), FaissEngine()).open(articles)
    for question in QUESTIONS:
        query = WordEmbedder().encode([question])[0]
        mine, theirs = one.search(question, query, k=4), other.search(question, query, k=4)
        assert mine.ids.tolist() == theirs.ids.tolist()
        for part in mine.parts:
            np.testing.assert_allclose(mine.parts[part], theirs.parts[part], atol=1e-5)


def test_a_second_opening_and_a_removal_embed_nothing(engine: MilvusEngine, tmp_path: Path) -> None:
    embedder = WordEmbedder()
    store = IndexStore(tmp_path / "index", embedder, engine)
    store.open(OLD)
    embedder.texts.clear()
    store.open(OLD)
    index = store.open(OLD[:1])
    assert embedder.texts == []
    found = index.search("fish", embedder.encode(["The fish was sold at noon."])[0], k=5)
    assert {index.sentences[i].article_id for i in found.ids} <= {"a"}
    assert {len(part) for part in index.stores.values()} == {1}


def test_a_build_killed_at_any_step_leaves_the_old_index_or_the_new_one(engine: MilvusEngine, tmp_path: Path) -> None:
    for last in range(1, 100):
        folder = tmp_path / "index"
        IndexStore(folder, WordEmbedder(), engine).open(OLD)
        disk = DyingDisk(last)
        try:
            IndexStore(folder, WordEmbedder(), engine, disk=disk).open(NEW)
            break
        except Died:
            for articles in (OLD, NEW):
                index = IndexStore(folder, WordEmbedder(), engine).open(articles)
                found = index.search("painted bridge", WordEmbedder().encode(["painted bridge"])[0], k=5)
                assert {index.sentences[i].article_id for i in found.ids} == {article.id for article in articles}
    assert last > 6
    assert collections(engine) == ["context", "passage", "sentence"]


def test_a_rebuild_and_another_model_leave_one_set_of_collections(engine: MilvusEngine, tmp_path: Path) -> None:
    class Other(WordEmbedder):
        fingerprint = "words:2"

    IndexStore(tmp_path / "index", WordEmbedder(), engine).open(OLD)
    IndexStore(tmp_path / "index", WordEmbedder(), engine).rebuild(OLD)
    IndexStore(tmp_path / "index", Other(), engine).open(OLD)
    assert collections(engine) == ["context", "passage", "sentence"]
    IndexStore(tmp_path / "index", Other(), engine).clear()
    assert collections(engine) == []


def test_two_folders_on_one_server_leave_each_other_alone(engine: MilvusEngine, tmp_path: Path) -> None:
    IndexStore(tmp_path / "index", WordEmbedder(), engine).open(OLD)
    neighbour = MilvusEngine(str(tmp_path / "milvus.db"), tmp_path / "neighbour")
    neighbour.__dict__["client"] = engine.client  # one process, one connection to the file
    IndexStore(tmp_path / "neighbour", WordEmbedder(), neighbour).open(NEW)
    IndexStore(tmp_path / "neighbour", WordEmbedder(), neighbour).clear()
    embedder = WordEmbedder()
    IndexStore(tmp_path / "index", embedder, engine).open(OLD)
    assert embedder.texts == []


def test_collections_that_are_gone_are_noticed_and_built_again(engine: MilvusEngine, tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index", embedder := WordEmbedder(), engine)
    store.open(OLD)
    engine.clear()
    embedder.texts.clear()
    assert len(store.open(OLD).sentences) == 2
    assert embedder.texts


def test_what_was_committed_outlives_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from rag.index import IndexStore; from rag.milvus import MilvusEngine\n"
        "from tests.conftest import WordEmbedder; from tests.test_generations import OLD\n"
        "folder = Path(sys.argv[1]); engine = MilvusEngine(str(folder / 'milvus.db'), folder)\n"
        "IndexStore(folder, WordEmbedder(), engine).open(OLD); os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, check=False)
    engine = MilvusEngine(str(tmp_path / "milvus.db"), tmp_path)
    embedder = WordEmbedder()
    IndexStore(tmp_path, embedder, engine).open(OLD)
    engine.close()
    assert embedder.texts == []


def test_the_setting_puts_an_assistant_on_milvus(settings: Settings) -> None:
    assistant = Assistant(settings=settings.with_overrides(index="milvus"), embedder=WordEmbedder(), reader=QueueReader())
    over_faiss = Assistant(
        settings=settings.with_overrides(index_dir=f"{settings.index_dir}2"), embedder=WordEmbedder(), reader=QueueReader()
    )
    assert assistant.answer("Who rang the bell?").citations == over_faiss.answer("Who rang the bell?").citations
    assert (settings.index_path / "milvus.db").exists()
    assistant._engine.close()  # type: ignore[attr-defined]


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    engine = vector_engine("http://127.0.0.1:9", tmp_path)
    with pytest.raises(IndexStoreError, match=r"http://127\.0\.0\.1:9 cannot be reached.*RAG_INDEX_TOKEN"):
        engine.create("sentence", 4)


def test_an_unknown_engine_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"RAG_INDEX is 'qdrant'; it can be faiss, milvus, or"):
        vector_engine("qdrant", tmp_path)


def test_without_the_extra_the_setting_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pymilvus'] = None\n"
        "from pathlib import Path; from rag.vectors import vector_engine; from rag.errors import SettingsError\n"
        "try: vector_engine('milvus', Path('x'))\nexcept SettingsError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert "pip install 'footnote-rag[milvus]'" in out
