"""Fakes with visible logic, small corpora, and the real bundled models behind the marker `real`."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.config import PROJECT, Settings
from rag.pipeline import Assistant
from rag.text import content_stems
from rag.types import TokenVectors, Vectors

SHARED = PROJECT.parent / "shared"


class WordEmbedder:
    """Counts stems in 256 buckets: texts that share words are near, texts that share none are not."""

    fingerprint = "words:1"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str], /) -> Vectors:
        self.texts += texts
        vectors = np.full((len(texts), 256), 1e-6, np.float32)
        for row, text in enumerate(texts):
            for stem in content_stems(text):
                vectors[row, zlib.crc32(stem.encode()) % 256] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_tokens(self, texts: Sequence[str], /) -> list[TokenVectors]:
        found = []
        for text in texts:
            words = list(re.finditer(r"\w+", text)) or list(re.finditer(r".+", text, re.DOTALL))
            found.append(TokenVectors(self.encode([word.group() for word in words]), tuple(word.span() for word in words)))
        return found


class QueueReader:
    """Gives the replies it was made with, one a call, the last one again and again; keeps the prompts it saw."""

    name = "queue"
    fluent = True

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies) or ["[1] "]
        self.prompts: list[list[Mapping[str, str]]] = []
        self.closed = 0

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        self.prompts.append(list(messages))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        try:
            yield from (reply[i : i + 8] for i in range(0, len(reply), 8))
        finally:
            self.closed += 1


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test's index and notes out of the user's own cache, and its settings out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for variable in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a folder of two small articles that agree on one thing and differ on another."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "harbour.md").write_text(
        "---\ntitle: The harbour fire\npublisher: The Gull\ndate: 2024-05-02\nurl: https://example.org/fire\n---\n"
        "The fire in the harbour began at nine. Mara Quist, a welder, rang the bell and woke the crews.\n\n"
        "## What did the fire destroy?\n\nThe fire destroyed 12 boats and the old ice house. Nobody was hurt.\n",
        encoding="utf-8",
    )
    (folder / "quay.txt").write_text(
        "The night the quay burned\n\nMara Quist rang the bell when she saw the flames. The fire destroyed 14 boats.\n\n"
        "The mayor promised a new pier. (Image credit: Tove Lind)\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def settings(corpus: Path, tmp_path: Path) -> Settings:
    return Settings(corpus=str(corpus), index_dir=str(tmp_path / "index"))


@pytest.fixture
def fake_assistant(settings: Settings) -> Assistant:
    """Return an assistant over the small corpus with fake models."""
    return Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader())


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """Return an assistant over the bundled corpus with the bundled models, shared by all tests."""
    folder = tmp_path_factory.mktemp("index")
    return Assistant(settings=Settings(corpus=str(PROJECT / "corpus"), index_dir=str(folder)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of original articles and development questions, where this checkout has one beside it."""
    if not (SHARED / "articles").is_dir():
        pytest.skip("the original articles are not beside this checkout")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what drives a browser last: Playwright keeps an event loop running, which other tests need free."""
    items.sort(key=lambda item: "browser" in item.nodeid.split("::")[0])
