"""Many questions, many sessions, many kills: nothing grows, nothing breaks. Rows I19, S11. The slow set: pytest -m slow."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rag.config import PROJECT, Settings
from rag.disk import Disk
from rag.index import IndexStore
from rag.pipeline import Assistant
from rag.window.answering import Desk
from tests.conftest import WordEmbedder
from tests.test_generations import NEW, OLD, build_old

from .test_models import reader
from .tiny import tiny_gguf

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")]
QUESTIONS = [f"{ask} {what}?" for what in ("the bell", "the boats", "the flames") for ask in ("Who rang", "How many saw", "What destroyed")]


def held() -> tuple[float, int, int]:
    """Return what this process holds: MiB of memory, open files, threads."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208


def test_five_hundred_questions_of_a_hundred_sessions_leave_nothing_behind(corpus: Path, tmp_path: Path) -> None:
    """Row S11: every third is abandoned; the second half of the questions holds no more than the first."""
    settings = Settings(corpus=str(corpus), index_dir=str(tmp_path / "index"), phrase="always")
    model = reader(tiny_gguf(tmp_path / "tiny.gguf"))
    desk = Desk(Assistant(settings=settings, embedder=WordEmbedder(), reader=model))
    embedder = desk.assistant._ensure_embedder()
    seen = []
    for i in range(600):
        steps = desk.ask(f"session {i % 100}", QUESTIONS[i % len(QUESTIONS)], ())
        if i % 3:
            *_, (turn, _) = steps
            assert turn.ending == "answered"
        else:
            next(steps)
            next(steps)
            steps.close()
        embedder.texts.clear()  # type: ignore[attr-defined]
        if i in (100, 350, 599):
            seen.append(held())
    (_, files, threads), (middle, *_), (end, files_after, threads_after) = seen
    assert (files_after, threads_after) == (files, threads)
    assert end - middle < 8, seen
    assert desk._running == {}


def test_a_reader_in_fifty_runs_never_meets_a_broken_index_while_writers_are_killed(tmp_path: Path) -> None:
    """Row I19: seeded; four runs of it are in the fast set."""
    folder, chance = tmp_path / "index", random.Random(19)
    build_old(folder, Disk())
    writer = (
        "import sys; from pathlib import Path; from rag.index import IndexStore; from tests.conftest import WordEmbedder\n"
        "from tests.test_generations import OLD, NEW\n"
        "store = IndexStore(Path(sys.argv[1]), WordEmbedder(), checkpoint=3); print('ready', flush=True)\n"
        "while True: store.open(NEW); store.open(OLD); store.rebuild(NEW)\n"
    )
    for run in range(50):
        with subprocess.Popen([sys.executable, "-c", writer, str(folder)], cwd=PROJECT, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            until = time.monotonic() + chance.uniform(0.02, 0.5)
            while time.monotonic() < until:
                found = IndexStore(folder, WordEmbedder()).open(OLD, wait=False)
                assert {s.article_id for s in found.sentences} in ({"a", "b"}, {"a", "c", "d"}), run
            child.send_signal(signal.SIGKILL)
    assert set(IndexStore(folder, WordEmbedder()).open(NEW).articles) == {article.id for article in NEW}
    assert set(IndexStore(folder, WordEmbedder()).open(OLD).articles) == {article.id for article in OLD}
    assert len(list(folder.glob("gen-*"))) == 1
