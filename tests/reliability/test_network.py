"""Nothing leaves the machine, nothing that goes wrong tells a path, and versions that are known to be unsafe are refused.

Rows S5, S8, S9, S12, X9 and D1; the server's other rows are in tests/window and tests/browser.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from rag import cli
from rag.config import PROJECT
from rag.window.serve import Door, listen
from tests.window.conftest import BELL, feedback_file, harbour, scripted, serve, served
from tests.window.fakes import ScriptedAssistant, Served

__all__ = ["feedback_file", "harbour", "scripted", "serve", "served"]  # fixtures of the window's tests

WATCH = """
import sys
reached = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        if isinstance(address, tuple) and not host.startswith("127.") and host != "::1":
            reached.append(f"{event} {address}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        if str(arguments[0]) not in ("127.0.0.1", "localhost", "::1", "None"):
            reached.append(f"{event} {arguments[0]}")
sys.addaudithook(hook)
"""
ASKED = (
    WATCH
    + """
import warnings
warnings.simplefilter("ignore")
from rag import cli
status = cli.main(["ask", "Who kidnapped Milo?"])
print("status", status, "reached", reached)
"""
)
OPENED = (
    WATCH
    + """
import warnings, sys, threading, time
warnings.simplefilter("ignore")
import app, os, signal
port = sys.argv[1]
def ask():
    import httpx
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        for _ in range(600):
            try:
                client.get("/config").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.1)
        begun = client.post("/gradio_api/call/answer", json={"data": ["Who kidnapped Milo?", None]}).json()
        told = client.get(f"/gradio_api/call/answer/{begun['event_id']}").text
        print("answered", "Carrie" in told, "reached", reached, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=ask, daemon=True).start()
app.main(["--port", port])
"""
)


def alone() -> list[str]:
    """Return the command that runs another without any network, where this system has one."""
    if sys.platform == "linux" and shutil.which("unshare"):
        command = ["unshare", "-rn"]
        if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
            return command
    return []


@pytest.mark.real
def test_a_question_in_the_shell_reaches_for_no_host_and_no_name(tmp_path: Path) -> None:
    """Row S8: with every connection and every look-up of a name watched, and where it can be, without a network at all."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [*alone(), sys.executable, "-c", ASKED]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert "Carrie" in done.stdout
    assert done.stdout.splitlines()[-1] == "status 0 reached []"


@pytest.mark.real
def test_the_window_reaches_for_no_host_from_start_to_answer(tmp_path: Path) -> None:
    """Row S8: Gradio's start-up, its analytics, a question over HTTP, and the end."""
    with listen(Door(port=0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", OPENED, str(port)], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert "answered True reached []" in done.stdout, done.stderr[-2000:]


def test_importing_the_package_opens_no_socket_and_no_file_of_models() -> None:
    """Row D1; test_pipeline names the libraries that it must not load."""
    code = WATCH.replace("reached = []", "reached = []\nimport os") + (
        "sys.addaudithook(lambda event, found: reached.append(event) if event.startswith('socket.') else None)\n"
        "import rag, rag.cli, rag.errors\nprint(reached, 'socket' in sys.modules and 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split() == [
        "[]",
        "False",
    ]


FLOORS = {
    "gradio": "6.25", "llama-cpp-python": "0.3.35", "sentence-transformers": "6.0", "transformers": "5.3", "faiss-cpu": "1.15",
    "langchain-text-splitters": "1.1.2", "langchain-core": "1.2.5", "starlette": "0.49.1", "jinja2": "3.1.6", "urllib3": "2.6.3",
    "pdfminer.six": "20251230", "filelock": "3.20.1",
}  # fmt: skip
"""The first versions without a fault that is known and would reach us; pyproject.toml says which faults."""


def test_no_installed_version_is_older_than_the_first_safe_one_and_the_project_demands_as_much() -> None:
    """Row D1."""
    text = (PROJECT / "pyproject.toml").read_text()
    lines = re.findall(r'^  "([^"]+)",', text.split("dependencies = [")[1].split("\n]")[0], re.MULTILINE)
    demanded = {requirement.name.lower(): requirement.specifier for requirement in map(Requirement, lines)}
    for name, floor in FLOORS.items():
        assert Version(version(name)) >= Version(floor), name
        older = Version(floor).release
        below = ".".join(map(str, (*older[:-1], older[-1] - 1))) if older[-1] else f"{older[0] - 1}.999"
        assert below not in demanded[name], f"{name} {below} would be accepted"


def test_ten_thousand_fields_and_deep_nesting_are_refused_and_the_server_lives(served: Served) -> None:
    """Row S5; large bodies are in test_serving."""
    with httpx.Client(base_url=served.url, timeout=60) as client:
        for body in (json.dumps({f"f{i}": i for i in range(10_000)}), '{"data": ' + "[" * 5000 + "]" * 5000 + "}"):
            answer = client.post("/gradio_api/call/answer", content=body, headers={"content-type": "application/json"})
            assert 400 <= answer.status_code < 600
            assert str(PROJECT) not in answer.text
        form = "&".join(f"f{i}=x" for i in range(10_000))
        assert client.post("/login", content=form, headers={"content-type": "application/x-www-form-urlencoded"}).status_code >= 400
        assert client.get("/config").status_code == 200


def test_an_error_over_http_is_our_sentence_without_a_path(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    """Row S9: what is raised deep inside stays in the log."""

    class Broken:
        settings = scripted.settings
        reader = scripted.reader
        prepare = scripted.prepare
        warm_up = scripted.warm_up

        def answer(self, *_: object) -> None:
            raise ValueError(f"inner trouble in {PROJECT}/rag/index.py")

    with httpx.Client(base_url=serve(Broken()).url, timeout=60) as client:
        begun = client.post("/gradio_api/call/answer", json={"data": [BELL, None]}).json()
        told = client.get(f"/gradio_api/call/answer/{begun['event_id']}").text
    assert "inner trouble" not in told
    assert str(PROJECT) not in told
    assert "error" in told


def test_the_shell_prints_no_control_sequence_of_an_article(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Row X9: an article may hold what clears a screen or turns text about; the shell shows it without."""
    title = "Red\x1b[31m title\u202e"
    (corpus / "evil.txt").write_text(f"{title}\n\nThe gull said \x1b[2J\x1b]0;owned\x07 hello to the welder.\n")
    (tmp_path / "other.txt").write_text("The welder said nothing.\n")
    for arguments in (["list"], ["add", str(tmp_path / "other.txt"), "--id", "evil"]):
        cli.main([*arguments, "--corpus", str(corpus)])
        out, err = capsys.readouterr()
        assert "Red" in out + err
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out + err)


@pytest.mark.real
def test_an_answer_in_the_shell_holds_no_control_sequence_of_an_article(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Row X9."""
    (corpus / "evil.md").write_text("The gull said \x1b[2J\x1b]0;owned\x07 hello to the welder at the old ice house.\n")
    for form in ([], ["--json"]):
        assert cli.main(["ask", "What did the gull say to the welder?", "--corpus", str(corpus), *form]) == 0
        out = capsys.readouterr().out
        assert "hello" in out
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)
    assert json.loads(out)["claims"]


@pytest.mark.real
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_the_window_told_twice_to_end_while_it_answers_ends_and_leaves_the_index_whole(tmp_path: Path) -> None:
    """Row S12: Ctrl-C twice in the middle of an answer; the port is free and the index is read again."""
    with listen(Door(port=0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "RAG_PHRASE": "always", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as child:
        assert b"Footnote is at" in child.stdout.readline()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            client.get("/config").raise_for_status()
            begun = client.post("/gradio_api/call/answer", json={"data": ["Who kidnapped Milo?", None]}).json()
            listening = threading.Thread(target=_listen_in, args=(client, begun["event_id"]))
            listening.start()
            child.send_signal(signal.SIGINT)
            child.send_signal(signal.SIGINT)
            assert child.wait(60) in (0, -signal.SIGINT)
            listening.join()
    listen(Door(port=port)).close()


def _listen_in(client: httpx.Client, event: str) -> None:
    try:
        client.get(f"/gradio_api/call/answer/{event}")
    except httpx.HTTPError:
        return
