"""A web address to the bytes behind it: from public hosts only, to the address that was checked, within limits.

An address that a user types, or that an article's front matter gives, must not reach what only this machine or its
network can see (server-side request forgery). So every name is resolved once, every address it has must be public, and
the connection goes to the address that was checked, whatever the name resolves to later. Redirects are followed by hand
under the same rule.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from rag.errors import CorpusError

MOST_BYTES = 20 * 1024 * 1024
"""Bytes that are read of one answer at most, after unpacking."""
SECONDS = 30.0
"""Seconds that one fetch may take, redirects included."""
SILENCE = 10.0
"""Seconds to wait for a connection or for the next bytes."""
MOST_REDIRECTS = 5
_BLOCK = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HEADERS = {
    "User-Agent": "Footnote (reads one article for its user)",
    "Accept": "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.9, */*;q=0.1",
    "Accept-Encoding": "gzip",
}
_HELP = "Save the page in a browser and add the file instead."

Resolver = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answered: its bytes, its declared content type, and the address after all redirects."""

    data: bytes
    content_type: str
    url: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one fetch may take: bytes after unpacking, seconds in all, seconds of silence."""

    most_bytes: int = MOST_BYTES
    seconds: float = SECONDS
    silence: float = SILENCE


def resolve(host: str, port: int) -> list[str]:
    """Return every address that the system's resolver gives for a host, numbers in any notation included."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fetch(url: str, *, allow_private: bool = False, limits: Limits | None = None, resolver: Resolver = resolve) -> Page:
    """Return what a web address answers.

    `allow_private` permits private and loopback addresses for the host that `url` itself names, for a page on one's own
    network; a redirect to another host must lead to a public one all the same.

    Raises:
        CorpusError: the address is not http(s), leads to a host that is not public, cannot be reached, answers with an
            error, too slowly or with too much.
    """
    limits = limits or Limits()
    deadline = time.monotonic() + limits.seconds
    trusted = urlsplit(url).netloc if allow_private else None
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        addresses = _addresses(parts, resolver, allow_private=parts.netloc == trusted)
        answer = _get(parts, addresses, limits, deadline)
        if isinstance(answer, Page):
            return answer
        following = urljoin(url, answer)
        if parts.scheme == "https" and urlsplit(following).scheme == "http":
            raise CorpusError(f"{url} redirects to an address without encryption ({following}). {_HELP}")
        url = following
    raise CorpusError(f"{url} redirects more than {MOST_REDIRECTS} times. {_HELP}")


def _checked(url: str) -> SplitResult:
    """Return the parts of an address that may be fetched."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError as error:
        raise CorpusError(f"{url} is no web address ({error}). Give one that begins with https://") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise CorpusError(f"{url} cannot be fetched: only http:// and https:// addresses can. {_HELP}")
    if parts.username is not None or parts.password is not None:
        raise CorpusError(f"{parts.hostname}: an address with a name or password before the host is not fetched. {_HELP}")
    return parts


def _addresses(parts: SplitResult, resolver: Resolver, *, allow_private: bool) -> Sequence[str]:
    """Return the addresses of the host, all of them checked."""
    host = str(parts.hostname)
    try:
        addresses = resolver(host, parts.port or _PORTS[parts.scheme])
    except (OSError, UnicodeError) as error:
        raise CorpusError(f"{host} cannot be found ({error}). Check the address and that this machine is online.") from error
    for address in addresses:
        if not allow_private and not is_public(address):
            raise CorpusError(
                f"{host} leads to {address}, which is not on the public internet, so it is not fetched. {_HELP} "
                "For a page of your own network: python -m rag add --allow-private URL"
            )
    if not addresses:
        raise CorpusError(f"{host} has no address. Check it and that this machine is online.")
    return addresses


def is_public(address: str) -> bool:
    """Tell an address of the public internet from loopback, private, link-local, multicast and reserved ones.

    Addresses that carry an IPv4 address inside (mapped, 6to4, NAT64) are judged by that one too.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped or ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.teredo or (ip.sixtofour and not is_public(str(ip.sixtofour))):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _get(parts: SplitResult, addresses: Sequence[str], limits: Limits, deadline: float) -> Page | str:
    """Return the page, or where it redirects to; the connection goes to the addresses that were checked."""
    url, late = parts.geturl(), threading.Event()
    try:
        with closing(_connected(parts, addresses, limits)) as connection, _shut_at(deadline, connection.sock, late):
            connection.request("GET", _target(parts), headers={**_HEADERS, "Host": _host_header(parts)}, preload_content=False)
            answer = _answer(connection.getresponse(), url, limits)
    except (urllib3.exceptions.HTTPError, OSError, http.client.HTTPException) as error:
        if not late.is_set():
            raise CorpusError(f"{url} cannot be fetched: {_reason(error)}. Try again later. {_HELP}") from error
    if late.is_set():
        raise CorpusError(f"{url} takes longer than {limits.seconds:.0f} s. Try again later. {_HELP}")
    return answer


def _connected(parts: SplitResult, addresses: Sequence[str], limits: Limits) -> HTTPConnection:
    """Return a connection to the first address that takes one; the certificate must be the host's."""
    for i, address in enumerate(addresses, start=1):
        connection = _connection(parts, address, limits)
        try:
            connection.connect()
        except (urllib3.exceptions.HTTPError, OSError):
            connection.close()
            if i == len(addresses):
                raise
        else:
            break
    return connection


def _connection(parts: SplitResult, address: str, limits: Limits) -> HTTPConnection:
    port = parts.port or _PORTS[parts.scheme]
    if parts.scheme == "http":
        return HTTPConnection(address, port, timeout=limits.silence)
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return HTTPSConnection(address, port, timeout=limits.silence, ssl_context=context, server_hostname=_ascii_host(parts))


@contextmanager
def _shut_at(deadline: float, connected: socket.socket | None, late: threading.Event) -> Iterator[None]:
    """Shut a socket down at the deadline, whoever waits on it: a slow drip of bytes would pass every time-out on silence."""

    def shut() -> None:
        late.set()
        if connected:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _answer(response: urllib3.BaseHTTPResponse, url: str, limits: Limits) -> Page | str:
    if response.status in (301, 302, 303, 307, 308) and (location := response.headers.get("Location")):
        return str(location)
    if response.status != 200:
        raise CorpusError(f"{url} answers {response.status} {response.reason or ''}".rstrip() + f". Check the address. {_HELP}")
    data = bytearray()
    for block in response.stream(_BLOCK, decode_content=True):
        data += block
        if len(data) > limits.most_bytes:
            raise CorpusError(f"{url} answers with more than {limits.most_bytes:,} bytes. {_HELP}")
    return Page(bytes(data), response.headers.get("Content-Type", ""), url)


def _target(parts: SplitResult) -> str:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, safe="%/:=&?~+!$,;'@()*[]|")


def _host_header(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else _ascii_host(parts)
    return host if parts.port in (None, _PORTS[parts.scheme]) else f"{host}:{parts.port}"


def _ascii_host(parts: SplitResult) -> str:
    return str(parts.hostname).encode("idna").decode()


def _reason(error: Exception) -> str:
    """Return what went wrong, without the addresses of objects that the library puts into its messages."""
    text = str(error.args[-1] if error.args else error)
    return text.split(">: ", 1)[-1].strip().rstrip(".")
