"""A server on loopback that speaks as much of the Hugging Face hub's protocol as a download needs, with faults."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c" * 40


class Hub:
    """Repositories by name, each a mapping of file names to their local files; `large` files are told by SHA-256.

    `claims` overrides what the metadata say of a file, `cuts` is how many answers break off half-way, `stops_at` is the
    byte from which answers never come, and `requests` what was asked: (file, first byte).
    """

    def __init__(self, port: int, repositories: dict[str, dict[str, Path]]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.repositories = repositories
        self.claims: dict[str, dict[str, object]] = {}
        self.cuts = 0
        self.stops_at: int | None = None
        self.stopped = threading.Event()
        self.closing = threading.Event()
        self.requests: list[tuple[str, int]] = []

    def metadata(self, repo: str) -> dict[str, object]:
        return {"_id": "1", "id": repo, "modelId": repo, "sha": COMMIT, "private": False, "siblings": [*self._siblings(repo)]}

    def _siblings(self, repo: str) -> Iterator[dict[str, object]]:
        for name, path in self.repositories[repo].items():
            data = path.read_bytes()
            sibling: dict[str, object] = {"rfilename": name, "size": len(data)}
            if name.endswith((".gguf", ".safetensors")):
                claimed = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 134, **self.claims.get(name, {})}
                sibling |= {"lfs": claimed, "size": claimed["size"]}
            else:
                sibling["blobId"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            yield sibling


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/\w+)?", path):
            self._metadata(match.group(1))
        elif match := re.fullmatch(rf"/([^/]+/[^/]+)/resolve/{COMMIT}/(.+)", path):
            self._file(self.hub.repositories[match.group(1)][match.group(2)], match.group(2))
        else:
            self._send(404, b"{}")

    def _metadata(self, repo: str) -> None:
        if repo in self.hub.repositories:
            self._send(200, json.dumps(self.hub.metadata(repo)).encode())
        else:
            self._send(404, b"{}", X_Error_Code="RepoNotFound")

    def _file(self, path: Path, name: str) -> None:
        hub, data = self.hub, path.read_bytes()
        first, last = (int(n) for n in re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        hub.requests.append((name, first))
        if hub.stops_at is not None and first >= hub.stops_at:
            hub.stopped.set()
            hub.closing.wait(60)
            return
        body = data[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        if hub.cuts:
            hub.cuts -= 1
            self.close_connection = True
            body = body[: len(body) // 2]
        with suppress(ConnectionError):
            self.wfile.write(body)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that hang up are what the tests are about


@contextmanager
def serve_hub(repositories: dict[str, dict[str, Path]]) -> Iterator[Hub]:
    """Serve repositories until the block is left."""
    handler = type("Handler", (_Handler,), {})
    with _Server(("127.0.0.1", 0), handler) as server:
        handler.hub = hub = Hub(server.server_port, repositories)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            hub.closing.set()
            server.shutdown()
            thread.join()
