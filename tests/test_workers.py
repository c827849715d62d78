"""Several processes over one index and one model server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rag.config import PROJECT, Settings

from .servers import serve
from .test_remote import CHAT, says

WORKER = """
import json, sys
from rag.config import Settings
from rag.pipeline import Assistant
from tests.conftest import WordEmbedder
corpus, index, model = sys.argv[1:]
embedder = WordEmbedder()
assistant = Assistant(settings=Settings(corpus=corpus, index_dir=index, model=model), embedder=embedder)
print("ready", flush=True)
for line in sys.stdin:
    if line.startswith("refresh"):
        assistant.refresh()
    answer = assistant.answer(line.removeprefix("refresh").strip())
    print(json.dumps([len(embedder.texts), answer.to_dict()["citations"]]), flush=True)
"""


def test_workers_build_one_index_share_one_model_server_and_pick_up_an_added_article(corpus: Path, settings: Settings) -> None:
    """Row I12."""
    with serve({CHAT: says("[1] Mara Quist rang the bell.")}) as site:
        arguments = [sys.executable, "-c", WORKER, str(corpus), settings.index_dir, f"{site.url}/v1#m"]
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
            second = ask("refresh When did the ferry Marigold sink?")
        finally:
            for worker in workers:
                worker.communicate(timeout=30)
    assert len({json.dumps(citations) for _, citations in first}) == 1
    built = sorted(count for count, _ in first)
    assert built[0] == built[1] < built[2], "one worker embeds the articles, the others only the question and what they rank"
    for _, citations in second:
        assert {citation["article_id"] for citation in citations} == {"ferry"}  # type: ignore[attr-defined, index]
    assert len(site.bodies) >= 6
