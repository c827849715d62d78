"""A web server on loopback that answers each path as a test tells it, and pages as publishers make them."""

from __future__ import annotations

import html
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(body: bytes | str, content_type: str = "text/html; charset=utf-8", status: int = 200, **headers: str) -> Answer:
    """Return an answer of these bytes."""
    data = body.encode() if isinstance(body, str) else body

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    return send


def redirect(target: str) -> Answer:
    return answer(b"", status=302, Location=target)


class Site:
    """A running server: its address, the answers by path, the requests it saw as (path, headers), and the bodies sent."""

    def __init__(self, port: int, answers: Mapping[str, Answer], scheme: str) -> None:
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.port = port
        self.answers = dict(answers)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []


@contextmanager
def serve(answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve on a free port of 127.0.0.1 until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            self.close_connection = True
            site.requests.append((self.path, dict(self.headers)))
            found = site.answers.get(self.path.partition("?")[0], answer("not here", status=404))
            with suppress(ConnectionError, TimeoutError, ssl.SSLError):  # the client has had enough, as it should
                found(self)

        def do_POST(self) -> None:
            site.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that hang up are what the tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        site = Site(server.server_port, answers, "https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def milvus_server(folder: Path) -> Iterator[str]:
    """Run a Milvus server in a process of its own, its data in `folder`, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder)]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            for _ in range(600):
                assert child.poll() is None, "the server has ended"
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            child.terminate()


def article_page(title: str, paragraphs: list[str], *, site: str, date: str = "", address: str = "") -> str:
    """Return a page as publishers make them: the article among navigation, captions, related links and notices."""
    body = []
    for paragraph in paragraphs:
        text = html.escape(paragraph)
        if "(Image " in paragraph:
            body.append(f'<figure><img src="/i.jpg" alt="still"><figcaption>{text}</figcaption></figure>')
        elif len(paragraph) < 120 and paragraph.rstrip("'’”").endswith("?"):
            body.append(f"<h2>{text}</h2>")
        else:
            body.append(f"<p>{text}</p>")
        if len(body) == 4:
            body.append('<div class="ad-slot" aria-hidden="true"><span>Advertisement</span></div>')
    published = f'<meta property="article:published_time" content="{date}T09:30:00Z">' if date else ""
    canonical = f'<link rel="canonical" href="{address}">' if address else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)} | {site}</title>
<meta property="og:title" content="{html.escape(title)}"><meta property="og:site_name" content="{site}">{published}{canonical}
<script>window.dataLayer = [{{"page": "article"}}];</script></head><body>
<header><a href="/">{site}</a><nav><ul><li><a href="/news">News</a></li><li><a href="/beauty">Beauty</a></li>
<li><a href="/horoscopes">Horoscopes for every sign</a></li></ul></nav></header>
<div id="cookie-banner"><p>We value your privacy. Accept all cookies to continue.</p><button>Accept</button></div>
<main><article><h1>{html.escape(title)}</h1>{"".join(body)}
<section class="related"><h3>More stories for you</h3><ul><li><a href="/a">Twenty thrillers to stream this weekend</a></li>
<li><a href="/b">The best coats of the season, ranked by our editors</a></li></ul></section></article></main>
<aside class="newsletter"><h4>Sign up for our newsletter</h4><form><input type="email"></form></aside>
<footer><p>© {site}. All rights reserved. Terms of use and privacy policy.</p></footer></body></html>"""
