"""Every state that a kill or a power cut can leave of a build, an addition or a removal: the old whole, or the new. Rows I1, I2, I3."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import generations, library, snapshots
from rag.config import PROJECT
from rag.corpus import load_corpus
from rag.disk import Disk
from rag.errors import RagError
from rag.index import VIEWS, IndexStore
from rag.types import Article
from rag.vectors import FaissEngine
from tests.conftest import WordEmbedder
from tests.disks import FullDisk

from .crashes import LoggingDisk, State, durable, killed, lay_out, state_of, unplugged

OLD = (Article("a", "A", "The clock stopped in March.\n"), Article("b", "B", "The fish was sold at noon.\n"))
NEW = (OLD[0], Article("c", "C", "The bridge was painted green.\n"), Article("d", "D", "A ferry left the pier.\n"))
BUILDS: dict[str, tuple[tuple[Article, ...], Callable[[IndexStore], object]]] = {
    "first": ((), lambda store: store.open(NEW)),
    "update": (OLD, lambda store: store.open(NEW)),
    "rebuild": (OLD, lambda store: store.rebuild(NEW)),
    "clear": (OLD, lambda store: store.clear()),
}


def ids_on_disk(folder: Path) -> list[str] | None:
    """Return the ids of the articles in the index in force, read whole as any process does; None where there is none."""

    def read(generation: generations.Generation) -> list[str]:
        parsed = snapshots.parse(generation, FaissEngine(), {view.name: view.of for view in VIEWS})
        assert all(len(parsed.stores[view.name]) == sum(len(part.items(view.of)) for part in parsed.parts) for view in VIEWS)
        return [part.article.id for part in parsed.parts]

    return generations.load(folder, read)


def build(folder: Path, kind: str) -> LoggingDisk:
    """Run a build over an older index on a logging disk; an unfinished one is saved after every article."""
    old, step = BUILDS[kind]
    folder.mkdir()
    if old:
        IndexStore(folder, WordEmbedder()).open(old)
    disk = LoggingDisk(folder)
    step(IndexStore(folder, WordEmbedder(), disk=disk, checkpoint=3))
    return disk


@pytest.mark.parametrize("states", [killed, unplugged])
@pytest.mark.parametrize("kind", BUILDS)
def test_whatever_is_left_of_a_build_is_the_old_index_or_the_new_one_whole(
    tmp_path: Path, kind: str, states: Callable[[LoggingDisk], list[State]]
) -> None:
    """Rows I1 and I2: read as it is left, then opened, which brings it up to date and leaves nothing else there."""
    disk = build(tmp_path / "index", kind)
    old = [article.id for article in BUILDS[kind][0]] or None
    new = None if kind == "clear" else [article.id for article in NEW]
    seen = []
    for state in states(disk):
        folder = lay_out(tmp_path / "left", state)
        seen.append(ids_on_disk(folder))
        assert seen[-1] in (old, new)
        assert list(IndexStore(folder, WordEmbedder()).open(NEW).articles) == ["a", "c", "d"]
        assert len(list(folder.glob("gen-*"))) == 1
        assert {path.name for path in folder.iterdir() if path.is_file()} <= {"CURRENT", "lock"}
    assert len(seen) > (8 if kind != "clear" else 2)
    assert old in seen
    assert new in seen
    assert ids_on_disk(lay_out(tmp_path / "left", durable(disk))) == new, "what was reported as done outlives a power cut"


CHANGES: dict[str, Callable[[Path, Path, Disk], object]] = {
    "add": lambda corpus, source, disk: library.add([source], corpus, disk=disk),
    "replace": lambda corpus, source, disk: library.add([source], corpus, id_="quay", replaces=True, disk=disk),
    "remove": lambda corpus, source, disk: library.remove(["quay"], corpus, disk=disk),
    "add an original": lambda corpus, source, disk: library.add([source], corpus, id_="retold", replaces=True, disk=disk),
    "remove a retelling": lambda corpus, source, disk: library.remove(["retold"], corpus, disk=disk),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "ferry.txt"
    file.write_text("The ferry sank at dawn. Nobody had seen the rock.\n")
    return file


@pytest.fixture
def retold(corpus: Path) -> Path:
    """Return the small corpus with a retelling in it."""
    (corpus / "retold.md").write_text("---\ntitle: The rock\nedition: retelling\n---\nA rock sank the ferry at dawn.\n")
    return corpus


@pytest.mark.parametrize("states", [killed, unplugged])
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_left_of_a_change_to_the_articles_is_the_old_corpus_or_the_new_one(
    tmp_path: Path, retold: Path, source: Path, change: str, states: Callable[[LoggingDisk], list[State]]
) -> None:
    """Rows I1 and I2, for add and remove; the next change clears away what was left of this one."""
    old, disk = load_corpus(retold), LoggingDisk(retold)
    CHANGES[change](retold, source, disk)
    new, seen = load_corpus(retold), []
    assert new != old
    (tmp_path / "other.txt").write_text("A gull sat on the mast.\n")
    for state in states(disk):
        folder = lay_out(tmp_path / "left", state)
        seen.append(load_corpus(folder))
        assert seen[-1] in (old, new)
        library.add([tmp_path / "other.txt"], folder)
        assert not list(folder.rglob("*.tmp"))
    assert old in seen
    assert new in seen
    assert load_corpus(lay_out(tmp_path / "left", durable(disk))) == new, "what was reported as done outlives a power cut"


def test_a_removed_retelling_is_never_lost_in_a_power_cut(tmp_path: Path, retold: Path, source: Path) -> None:
    """Row I2: it lies in the corpus or where `restore` finds it, whenever the power goes."""
    text = (retold / "retold.md").read_bytes()
    library.add([source], retold, id_="retold", replaces=True)
    disk = LoggingDisk(retold)
    library.remove(["retold"], retold, disk=disk)
    for state in unplugged(disk):
        folder = lay_out(tmp_path / "left", state)
        library.restore(folder)
        assert (folder / "retold.md").read_bytes() == text


def told_by(action: Callable[[], object]) -> str:
    """Return the message of the error that an action ends in, "" where it ends well."""
    try:
        action()
    except RagError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("change", ["add", "replace", "remove a retelling"])
def test_a_disk_that_fails_in_a_change_is_named_and_nothing_is_half_changed(
    tmp_path: Path, retold: Path, source: Path, change: str, error: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Row I3: at each step in turn until there is no more; a failure after the change is visible is told as such."""
    start, old = state_of(retold), load_corpus(retold)
    for step in range(1, 30):
        folder = lay_out(tmp_path / "left", start)
        caplog.clear()
        disk = FullDisk(step, error)
        if told := told_by(lambda folder=folder, disk=disk: CHANGES[change](folder, source, disk)):
            assert os.strerror(error) in told
            assert load_corpus(folder) == old
        elif disk.steps < step:
            break
        else:
            assert "is made, but the disk did not confirm it" in caplog.text
            assert load_corpus(folder) != old
        assert not list(folder.rglob("*.tmp"))
    assert step > 3


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("kind", ["first", "update"])
def test_a_disk_that_fails_in_a_build_is_named_and_the_index_before_stays(
    tmp_path: Path, kind: str, error: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Row I3: at each step in turn until there is no more."""
    old = BUILDS[kind][0]
    for step in range(1, 40):
        folder = tmp_path / str(step)
        if old:
            IndexStore(folder, WordEmbedder()).open(old)
        disk = FullDisk(step, error)
        caplog.clear()
        if told := told_by(lambda folder=folder, disk=disk: IndexStore(folder, WordEmbedder(), disk=disk).open(NEW)):
            assert os.strerror(error) in told
            assert "Free space there, or set RAG_INDEX_DIR" in told
            assert ids_on_disk(folder) == ([article.id for article in old] or None)
        elif disk.steps < step:
            break
        else:
            assert "is made, but the disk did not confirm it" in caplog.text
            assert ids_on_disk(folder) == ["a", "c", "d"]
            assert len(list(folder.glob("gen-*"))) == (2 if old else 1), "the generation before stays until the new one is safe"
        assert not list(folder.glob("*.tmp"))
    assert step > 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_noticed_even_by_a_few_bytes() -> None:
    """Row I3: what fits into a buffer fails only when it is flushed."""
    with pytest.raises(OSError, match="No space left"):
        Disk().write(Path("/dev/full"), b"few")


LIMITED = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from rag.errors import IndexStoreError
from rag.index import IndexStore
from tests.conftest import WordEmbedder
from tests.reliability.test_crashes import NEW
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    IndexStore(Path(sys.argv[1]), WordEmbedder()).open(NEW)
except IndexStoreError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_real_limit_of_the_disk_is_named_and_the_index_before_stays(tmp_path: Path) -> None:
    """Row I3."""
    IndexStore(tmp_path / "index", WordEmbedder()).open(OLD)
    said = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "index")], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert "cannot be written to" in said
    assert "File too large" in said
    assert ids_on_disk(tmp_path / "index") == ["a", "b"]


WATCHED = """
import os, sys
from pathlib import Path
root, corpus, source = sys.argv[1:]
from rag import library
from rag.disk import Disk
from rag.index import IndexStore
from tests.conftest import WordEmbedder
from tests.reliability.test_crashes import NEW, OLD
inside, around, flushed = 0, [], []

class Watched(Disk):
    pass

def watched(name):
    def step(self, *arguments):
        global inside
        inside += 1
        try:
            return getattr(Disk, name)(self, *arguments)
        finally:
            inside -= 1
    return step

for name in ("make_folder", "write", "flush_folder", "replace", "remove"):
    setattr(Watched, name, watched(name))

def hook(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        changes = isinstance(path, (str, bytes, os.PathLike)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        path, changes = arguments[0], event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink")
    if event == "os.mkdir" and os.path.isdir(path):
        return  # the lock's library makes sure of its folder
    if changes and not inside and str(os.fsdecode(path)).startswith(root) and "lock" not in str(path):
        around.append(f"{event} {path}")

real = os.fsync
def fsync(descriptor):
    flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return real(descriptor)

os.fsync = fsync
sys.addaudithook(hook)
store = IndexStore(Path(root, "index"), WordEmbedder(), disk=Watched())
store.open(OLD), store.open(NEW), store.rebuild(NEW)
names = {Path(path).name for path in flushed}
store.clear()
library.add([source], Path(corpus), disk=Watched())
library.remove(["ferry"], Path(corpus), disk=Watched())
print("around:", around)
article = any(path.endswith(".ferry.footnote.tmp") for path in flushed)
print("flushed:", {"spans.json", "sentence.vectors", "CURRENT.tmp", "index"} <= names, article)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_change_of_a_file_goes_around_the_disk_that_these_tests_put_in(tmp_path: Path, corpus: Path, source: Path) -> None:
    """Rows I1 to I3 hold only if every open, rename and removal is one of `Disk`'s, and its writes reach fsync."""
    said = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path), str(corpus), str(source)], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines() == ["around: []", "flushed: True True"]


def test_what_is_left_of_a_first_article_is_nothing_or_the_article(tmp_path: Path, source: Path) -> None:
    """Rows I1 and I2, where the folder is new too."""
    folder = tmp_path / "own"
    folder.mkdir()
    disk = LoggingDisk(folder)
    library.add([source], folder, disk=disk)
    for states in (killed, unplugged):
        for state in states(disk):
            left = library.entries(lay_out(tmp_path / "left", state))
            assert [entry.article.id for entry in left] in ([], ["ferry"])
