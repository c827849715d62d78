"""The server: who may ask, what is closed, how much is taken, and how it begins and ends. Rows S1, S2, S4 to S7, S12."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import app
from rag.config import PROJECT
from rag.errors import SettingsError
from rag.window.guard import LARGEST_REQUEST, is_loopback, own_names
from rag.window.serve import Door, forget_gradio_settings, listen
from tests.window.conftest import BELL
from tests.window.fakes import ScriptedAssistant, Served

EVIL = "http://evil.example"


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=30) as opened:
        yield opened


def test_the_page_carries_a_policy_that_keeps_the_browser_at_home(client: httpx.Client) -> None:
    headers = client.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "a@b", "[::1"])
def test_a_foreign_host_name_is_refused(client: httpx.Client, host: str) -> None:
    """A rebound DNS name points here, but is not one of ours: row S6."""
    for path in ("/", "/config", "/gradio_api/info", "/assets/x.js"):
        assert client.get(path, headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8", "192.168.1.4:80"])
def test_our_own_names_and_plain_addresses_are_known(client: httpx.Client, host: str) -> None:
    assert client.get("/config", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "https://localhost"])
def test_another_site_may_neither_ask_nor_read(client: httpx.Client, origin: str) -> None:
    """Row S6."""
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answers = [
        client.get("/config", headers=headers), client.options("/gradio_api/queue/join", headers=headers),
        client.post("/gradio_api/call/answer", json={"data": [BELL]}, headers=headers),
        client.post("/gradio_api/call/answer", content='{"data": ["x"]}', headers={**headers, "content-type": "text/plain"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403] * 4
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)


def test_our_own_page_may_ask(client: httpx.Client, served: Served) -> None:
    assert client.get("/config", headers={"origin": served.url}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/file=/etc/passwd", "/gradio_api/file=../../../../etc/passwd", "/file=/etc/passwd", "/gradio_api/file/etc/passwd",
     f"/gradio_api/file={EVIL}", f"/gradio_api/proxy={EVIL}", f"/proxy={EVIL}", "/static/../app.py", "/static/%2e%2e/%2e%2e/app.py",
     "/assets/..%2f..%2f..%2fapp.py", "/gradio_api/stream/a/b/c/playlist.m3u8", "/gradio_api/runs", "/monitoring", "/gradio_api/vibe-code/",
     "/gradio_api/deep_link?session_hash=x", "/gradio_api/dev/reload", "/docs", "/openapi.json", "/redoc", "/.env", "/corpus/harbour.md"],
)  # fmt: skip
def test_no_file_and_no_foreign_page_can_be_fetched(served: Served, path: str) -> None:
    """Row S4; the path is sent as it stands."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert int(answer.split()[1]) in (400, 401, 403, 404, 405)
    assert b"root:" not in answer
    assert b"import" not in answer


def test_nothing_can_be_uploaded(client: httpx.Client) -> None:
    """Row S5."""
    assert client.post("/gradio_api/upload", files={"files": ("x.bin", b"x" * 2_000_000)}).status_code == 404


def test_a_request_has_a_limit_whether_it_says_its_length_or_not(client: httpx.Client) -> None:
    """Row S5."""
    body = b'{"data": ["' + b"x" * LARGEST_REQUEST + b'"]}'
    assert client.post("/gradio_api/call/answer", content=body).status_code == 413
    with pytest.raises((httpx.RemoteProtocolError, httpx.HTTPStatusError)):
        client.post("/gradio_api/call/answer", content=iter([body[:1000], body[1000:]])).raise_for_status()
    assert client.get("/config").status_code == 200


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b'{"data": 7}', b'{"data": {"a": [[[]]]}}', b"\xff\xfe", b"null"])
def test_a_malformed_request_is_refused_and_the_server_lives(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/gradio_api/call/answer", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 600
    assert str(PROJECT) not in answer.text
    assert client.get("/config").status_code == 200


def test_more_questions_than_can_wait_are_turned_away_and_one_at_a_time_is_answered(served: Served, scripted: ScriptedAssistant) -> None:
    """Row S2: twenty more than can stand in line."""
    before, statuses = len(scripted.asked), []

    def ask() -> None:
        with httpx.Client(base_url=served.url, timeout=60) as one:
            statuses.append(one.post("/gradio_api/call/answer", json={"data": ["Please hold: slowly", None]}).status_code)

    flood = [threading.Thread(target=ask) for _ in range(40)]
    for thread in flood:
        thread.start()
    for thread in flood:
        thread.join()
    scripted.release.set()
    assert set(statuses) == {200, 503}
    while len(scripted.asked) - before < statuses.count(200):
        time.sleep(0.05)
    assert scripted.most_at_once == 1
    assert served.page.desk.answer(BELL).claims


def test_a_password_is_demanded_by_every_door(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    locked = serve(scripted, auth=("reader", "long enough"))
    with httpx.Client(base_url=locked.url, timeout=30) as one:
        closed = [
            "/config",
            "/gradio_api/info",
            "/gradio_api/openapi.json",
            "/gradio_api/queue/status",
            "/gradio_api/queue/data?session_hash=x",
        ]
        assert [one.get(path).status_code for path in closed] == [401] * len(closed)
        posts = ["/gradio_api/queue/join", "/gradio_api/call/answer", "/gradio_api/run/answer", "/gradio_api/component_server"]
        assert [one.post(path, json={"data": [BELL]}).status_code for path in posts] == [401] * len(posts)
        assert "The harbour fire" not in one.get("/").text
        assert one.post("/login", data={"username": "reader", "password": "wrong"}).status_code == 400
        assert one.post("/login", data={"username": "reader", "password": "long enough"}).status_code == 200
        assert one.get("/config").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_anything_but_loopback_demands_a_password(host: str) -> None:
    """Row S7."""
    with pytest.raises(SettingsError, match=f"--host {host} opens the page to other machines, so it needs a password. Add --auth NAME"):
        Door(host)
    assert Door(host, auth=("reader", "long enough")).host == host
    with pytest.raises(SettingsError, match="a password of at least 8 characters"):
        Door(host, auth=("reader", "short"))


def test_loopback_is_told_from_the_rest() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", ""]))
    assert own_names("127.0.0.1") == {"localhost", "127.0.0.1"}
    assert socket.gethostname().lower() in own_names("0.0.0.0")


def test_no_environment_variable_opens_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row S7."""
    for name in ("SHARE", "SERVER_NAME", "ALLOWED_PATHS", "MCP_SERVER", "ROOT_PATH", "LOCAL_DEV_MODE", "VIBE_MODE", "RUN_HISTORY"):
        monkeypatch.setenv(f"GRADIO_{name}", "true")
    forget_gradio_settings()
    assert [name for name in os.environ if name.startswith("GRADIO_")] == ["GRADIO_ANALYTICS_ENABLED"]
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_a_taken_port_is_told_in_one_line_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    """Row S1."""
    with listen(Door(port=0)) as taken:
        port = taken.getsockname()[1]
        assert app.main(["--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: Footnote cannot listen on 127.0.0.1 port {port}: ")
    assert said.endswith("Choose another with --port (or --host).\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--host", "no.such.host.invalid", "--auth", "me:long enough"], ["--port", "99999"], ["--host", "0.0.0.0"]]
)
def test_a_door_that_cannot_be_opened_is_an_error_with_exit_status_1(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Row S1."""
    assert app.main(options) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_every_option_is_documented_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app.main(["--help"])
    said = capsys.readouterr().out
    assert all(option in said for option in ("--host", "--port", "--corpus", "--model", "--auth", "--mcp"))


@pytest.mark.real
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_window_ends_when_it_is_told_to_and_frees_its_port(signum: signal.Signals, tmp_path: Path) -> None:
    """Row S12: told while it still loads."""
    with listen(Door(port=0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONWARNINGS": "ignore", "GRADIO_SERVER_NAME": "0.0.0.0"}
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "app.py"), "--port", str(port)], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == f"Footnote is at http://127.0.0.1:{port} (Ctrl-C ends it).\n".encode()
        assert httpx.get(f"http://127.0.0.1:{port}/config", timeout=120).status_code == 200
        process.send_signal(signum)
        assert process.wait(60) in (0, -signum)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    listen(Door(port=port)).close()
