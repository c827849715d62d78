"""Several processes over one index and one model server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import PROJECT, Settings

from .servers import milvus_server, serve
from .test_remote import CHAT, says

WORKER = """
import json, sys
from rag.config import Settings
from rag.pipeline import Assistant
from tests.conftest import WordEmbedder
corpus, index_dir, model, index = sys.argv[1:]
embedder = WordEmbedder()
assistant = Assistant(settings=Settings(corpus=corpus, index_dir=index_dir, model=model, index=index), embedder=embedder)
print("ready", flush=True)
for line in sys.stdin:
    if line.startswith("refresh"):
        assistant.refresh()
    answer = assistant.answer(line.removeprefix("refresh").strip())
    print(json.dumps([len(embedder.texts), answer.to_dict()["citations"]]), flush=True)
"""


@pytest.fixture(params=["faiss", "milvus server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield what RAG_INDEX would say."""
    if request.param == "faiss":
        yield "faiss"
        return
    pytest.importorskip("milvus_lite", reason="the extra [milvus] is not installed")
    with milvus_server(tmp_path / "milvus") as address:
        yield address


def test_workers_build_one_index_share_one_model_server_and_pick_up_an_added_article(corpus: Path, settings: Settings, engine: str) -> None:
    """Row I12."""
    with serve({CHAT: says("[1] Mara Quist rang the bell.")}) as site:
        arguments = [sys.executable, "-c", WORKER, str(corpus), settings.index_dir, f"{site.url}/v1#m", engine]
        options = {"cwd": PROJECT, "text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        workers = [subprocess.Popen(arguments, **options) for _ in range(3)]  # type: ignore[call-overload]

        def ask(line: str) -> list[list[object]]:
            for worker in workers:
                worker.stdin.write(f"{line}\n")
                worker.stdin.flush()
            return [json.loads(worker.stdout.readline()) for worker in workers]

        try:
            assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 3
            first = ask("Who rang the bell?")
            (corpus / "ferry.txt").write_text("The ferry Marigold sank at dawn off the point.\n")
            workers[0].stdin.write("refresh When did the ferry Marigold sink?\n")
            workers[0].stdin.flush()
            workers[0].stdout.readline()
            second = ask("When did the ferry Marigold sink?")
        finally:
            for worker in workers:
                worker.communicate(timeout=30)
    assert len({json.dumps(citations) for _, citations in first}) == 1
    built = sorted(count for count, _ in first)
    assert built[0] == built[1] < built[2], "one worker embeds the articles, the others only the question and what they rank"
    for _, citations in second:
        assert {citation["article_id"] for citation in citations} == {"ferry"}  # type: ignore[attr-defined, index]
    assert len(site.bodies) >= 7
