"""Damaged files, other formats and many processes: what is searched is a whole index. Kills and full disks: `reliability/`."""

from __future__ import annotations

import json
import logging
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from rag.config import PROJECT
from rag.disk import Disk
from rag.errors import IndexStoreError
from rag.index import IndexStore
from rag.types import Article, Vectors

from .conftest import WordEmbedder

OLD = (Article("a", "A", "The clock stopped in March.\n"), Article("b", "B", "The fish was sold at noon.\n"))
NEW = (OLD[0], Article("c", "C", "The bridge was painted green.\n"), Article("d", "D", "A ferry left the pier.\n"))


def build_old(folder: Path, disk: Disk) -> IndexStore:
    """Build the old index; return its store, set to save an unfinished build after every article."""
    IndexStore(folder, WordEmbedder(), disk=disk).open(OLD)
    return IndexStore(folder, WordEmbedder(), disk=disk, checkpoint=3)


def test_a_build_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    class Stopped(WordEmbedder):
        def encode(self, texts: Sequence[str], /) -> Vectors:
            if any("ferry" in text for text in texts):
                raise KeyboardInterrupt
            return super().encode(texts)

    store = IndexStore(tmp_path / "index", Stopped(), checkpoint=3)
    with pytest.raises(KeyboardInterrupt):
        store.open(NEW)
    embedder = WordEmbedder()
    index = IndexStore(tmp_path / "index", embedder).open(NEW)
    assert embedder.texts == ["A ferry left the pier."]
    assert [s.article_id for s in index.sentences] == ["a", "c", "d"]
    assert not (tmp_path / "index" / "PARTIAL").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_a_reader_never_meets_a_broken_index_while_writers_are_killed_at_random(tmp_path: Path) -> None:
    """Row I19."""
    folder = tmp_path / "index"
    build_old(folder, Disk())
    writer = (
        "import sys; from pathlib import Path; from rag.index import IndexStore; from tests.conftest import WordEmbedder\n"
        "from tests.test_generations import OLD, NEW\n"
        "store = IndexStore(Path(sys.argv[1]), WordEmbedder()); print('ready', flush=True)\n"
        "while True: store.open(NEW); store.open(OLD)\n"
    )
    chance = random.Random(7)
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", writer, str(folder)], cwd=PROJECT, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            until = time.monotonic() + chance.uniform(0.1, 0.8)
            while time.monotonic() < until:
                found = IndexStore(folder, WordEmbedder()).open(OLD, wait=False)
                assert {s.article_id for s in found.sentences} in ({"a", "b"}, {"a", "c", "d"})
                assert len(found.search("clock", WordEmbedder().encode(["clock"])[0], k=5).ids) > 0
            child.send_signal(signal.SIGKILL)
    assert len(IndexStore(folder, WordEmbedder()).open(OLD).sentences) == 2


def test_a_bit_flipped_anywhere_is_noticed_and_the_index_is_built_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, chance = tmp_path / "index", random.Random(3)
    IndexStore(folder, WordEmbedder()).open(OLD)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    for file in files * 6:
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        data = bytearray((copy / file).read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (copy / file).write_bytes(data)
        embedder = WordEmbedder()
        try:
            IndexStore(copy, embedder).open(OLD)
        except IndexStoreError:
            continue  # the flip made the format look newer
        assert embedder.texts, file


@pytest.mark.parametrize("cut", [0, 1, 0.5, -1])
def test_a_file_cut_short_is_named(tmp_path: Path, cut: float, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "index"
    IndexStore(folder, WordEmbedder()).open(OLD)
    for name in ("spans.json", "context.vectors"):
        file = next(folder.glob(f"gen-*/{name}"))
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * cut) if cut == 0.5 else int(cut)])
        IndexStore(folder, WordEmbedder()).open(OLD)
        assert f"{name} has" in caplog.text
        assert "--rebuild" in caplog.text


def test_files_of_another_generation_are_refused(tmp_path: Path) -> None:
    """Row I7."""
    folder = tmp_path / "index"
    IndexStore(folder, WordEmbedder()).open(OLD)
    other = tmp_path / "other"
    IndexStore(other, WordEmbedder()).open((OLD[0], Article("b", "B", "The boat was sold at dawn.\n")))
    shutil.copy(next(other.glob("gen-*/spans.json")), next(folder.glob("gen-*")) / "spans.json")
    embedder = WordEmbedder()
    IndexStore(folder, embedder).open(OLD)
    assert embedder.texts


@pytest.mark.parametrize(("content", "said"), [(b"", "no manifest"), (b"{}", "no manifest"), (b'{"format": 1}', "older format 1")])
def test_a_pointer_that_is_none_is_told_apart_and_built_again(
    tmp_path: Path, content: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Row I6."""
    caplog.set_level(logging.INFO)
    folder = tmp_path / "index"
    IndexStore(folder, WordEmbedder()).open(OLD)
    (folder / "CURRENT").write_bytes(content)
    assert len(IndexStore(folder, WordEmbedder()).open(OLD).sentences) == 2
    assert said in caplog.text


def test_an_index_of_a_newer_footnote_is_left_alone_and_both_formats_are_named(tmp_path: Path) -> None:
    """Row I6."""
    folder = tmp_path / "index"
    IndexStore(folder, WordEmbedder()).open(OLD)
    manifest = json.loads((folder / "CURRENT").read_text())
    (folder / "CURRENT").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(IndexStoreError, match=r"has format 99; this Footnote reads format \d+\. Update Footnote, or .*--rebuild"):
        IndexStore(folder, WordEmbedder()).open(OLD)
    assert len(IndexStore(folder, WordEmbedder()).rebuild(OLD).sentences) == 2


def test_the_index_before_is_searched_while_another_process_builds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Row I12."""
    store = IndexStore(tmp_path / "index", WordEmbedder(), patience=0.1)
    store.open(OLD)
    with FileLock(store.folder / "lock"):
        assert set(store.open(NEW, wait=False).articles) == {"a", "b"}
        assert "the one before is searched" in caplog.text
        with pytest.raises(IndexStoreError, match="Another process has been building the index"):
            store.open(NEW)
    assert set(store.open(NEW).articles) == {"a", "c", "d"}


def test_pickles_in_the_index_folder_are_never_opened(tmp_path: Path) -> None:
    """Row I18."""
    folder = tmp_path / "index"
    IndexStore(folder, WordEmbedder()).open(OLD)
    canary = tmp_path / "canary"
    payload = f"cos\nsystem\n(S'touch {canary}'\ntR.".encode()
    for file in folder.glob("gen-*/*"):
        file.write_bytes(payload)
    IndexStore(folder, WordEmbedder()).open(OLD)
    assert not canary.exists()
