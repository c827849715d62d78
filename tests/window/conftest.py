"""Two articles that differ, an assistant that answers about them from a script, and the page served over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.window.fakes import ScriptedAssistant, Served

BOATS, BELL, SKY = "How many boats were lost?", "Who rang the bell?", "What colour is the sky?"


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a corpus of two articles that differ, one of them a retelling, with a question file."""
    folder = tmp_path_factory.mktemp("harbour")
    (folder / "harbour.md").write_text(
        "---\ntitle: The harbour fire\npublisher: The Gull\ndate: 2024-05-02\nurl: https://example.org/fire\nedition: retelling\n---\n"
        "The fire in the harbour began at nine. Mara Quist, a welder, rang the bell and woke the crews.\n\n"
        + "Crews came from both sides of the bay and worked until the morning.\n\n" * 30
        + "## What did the fire destroy?\n\nThe fire destroyed 12 boats and the *old* ice house. Nobody was hurt.\n",
        encoding="utf-8",
    )
    (folder / "quay.txt").write_text(
        "The night the quay burned\n\nMara Quist rang the bell when she saw the flames. The fire destroyed 14 boats.\n\n"
        "The mayor promised a new pier. (Image credit: Tove Lind)\n",
        encoding="utf-8",
    )
    (folder / "questions.jsonl").write_text(
        f'{{"question": "{BOATS}", "answerable": true, "type": "conflict"}}\n'
        f'{{"question": "{BELL}", "answerable": true, "type": "fact"}}\n'
        '{"question": "What did the mayor promise?", "answerable": true, "type": "fact"}\n'
        '{"question": "Who is the mayor of the town?", "answerable": false, "type": "unanswerable_in_domain"}\n',
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def scripted(harbour: Path, tmp_path_factory: pytest.TempPathFactory) -> ScriptedAssistant:
    """Return an assistant that knows who rang the bell, and that the articles differ about the boats."""
    assistant = ScriptedAssistant(harbour, tmp_path_factory.mktemp("index"))
    assistant.says(
        BELL,
        (
            "Mara Quist rang the bell.",
            "supported",
            [("harbour", "Mara Quist, a welder, rang the bell"), ("quay", "Mara Quist rang the bell")],
        ),
        ("Nobody was hurt.", "quoted", [("harbour", "Nobody was hurt.")]),
    )
    assistant.says(
        BOATS,
        ("The fire destroyed 12 boats.", "supported", [("harbour", "The fire destroyed 12 boats")]),
        ("The fire destroyed 14 boats.", "quoted", [("quay", "The fire destroyed 14 boats.")]),
        differ=True,
    )
    return assistant


@pytest.fixture(scope="session")
def feedback_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "feedback.jsonl"


@pytest.fixture(scope="session")
def served(scripted: ScriptedAssistant, feedback_file: Path) -> Iterator[Served]:
    """Return a served page over the scripted assistant, shared by all tests; each opens it in a browser profile of its own."""
    server = Served(scripted, feedback_file)
    yield server
    server.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Return a function that serves a page over another assistant until the test ends."""
    servers: list[Served] = []

    def start(assistant: object, **door: object) -> Served:
        servers.append(Served(assistant, tmp_path / "feedback.jsonl", **door))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
