"""What stands between the network and Gradio: known hosts, own origin, bounded requests, closed doors, and a content policy."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
import socket
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_REQUEST = 8 * 1024 * 1024
"""Bytes of a request's body; a conversation of 100 turns is some 1 MB."""
LARGEST_DROP = 48 * 1024 * 1024
"""Bytes of a request's body where articles may be dropped on the page: files of 32 MB in base64, and a conversation."""
CLOSED = re.compile(
    r"/(?:gradio_api/)?(?:upload|proxy=|file[=/]|stream/|deep_link|process_recording|vibe|undo-vibe|run-history|runs|dev/|custom_component"
    r"|monitoring|pwa_icon)"
)
"""Routes of Gradio's that this page has no use for: uploads, files, proxying, recordings and the like."""
POLICY = "; ".join([
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio's page configures itself inline and compiles its templates
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "media-src 'none'",
    "object-src 'none'",
    "frame-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
])  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def is_loopback(host: str) -> bool:
    """Tell whether a host to listen on can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_names(host: str) -> frozenset[str]:
    """Return the names under which a page served on this host may be asked for; plain addresses need no name."""
    named = {"localhost", host.lower()}
    if not is_loopback(host):
        name = socket.gethostname().lower()
        named |= {name, f"{name}.local", socket.getfqdn().lower()}
    return frozenset(named)


class Guard:
    """ASGI middleware that refuses what the page never sends, and tells the browser to send nothing elsewhere."""

    def __init__(
        self, app: ASGIApp, *, names: Collection[str], basic: Mapping[str, tuple[str, str]], largest: int = LARGEST_REQUEST
    ) -> None:
        """Guard an application that answers to these host names, and to any plain IP address.

        `basic` names the routes that demand HTTP Basic authentication, with the name and password for each; `largest` is
        how many bytes a request's body may have.
        """
        self.app = app
        self.largest = largest
        self.names = names
        self.basic = basic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is refused; pass the others on, their body counted and their answer's headers set."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})  # nothing here speaks WebSocket
            return
        refusal = self._refusal(scope["path"], Headers(scope=scope))
        if refusal:
            await refusal(scope, receive, send)
            return
        await self.app(scope, _counted(receive, self.largest), _with_headers(send))

    def _refusal(self, path: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if not self._known(host):
            return PlainTextResponse("This address is not known here. Open the page by the address that Footnote printed.", 400)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return PlainTextResponse("Another site may not ask here.", 403)
        if CLOSED.match(path):
            return PlainTextResponse("Footnote has no such page.", 404)
        if int(headers.get("content-length") or 0) > self.largest:
            return PlainTextResponse(f"A request may have {self.largest:,} bytes.", 413)
        wanted = next((login for route, login in self.basic.items() if path.startswith(route)), None)
        if wanted and not secrets.compare_digest(_basic(*wanted), headers.get("authorization", "").encode()):
            return PlainTextResponse("This needs a password.", 401, {"www-authenticate": 'Basic realm="Footnote"'})
        return None

    def _known(self, host: str) -> bool:
        """Tell whether a Host header is ours. A rebound DNS name is not; an address cannot be rebound."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return True


def _basic(name: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{name}:{password}".encode())


def _counted(receive: Receive, largest: int) -> Receive:
    """Return a receiver that ends the request where its body grows beyond the limit, whatever length it announced."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= largest else {"type": "http.disconnect"}

    return counted


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return with_headers
