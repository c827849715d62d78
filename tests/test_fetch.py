"""A web address to its bytes, and the many addresses and answers that are refused."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rag.errors import CorpusError
from rag.fetch import Limits, fetch, is_public

from .servers import Site, answer, redirect, serve


@pytest.fixture
def site() -> Iterator[Site]:
    with serve({"/page": answer("<p>hello</p>")}) as running:
        yield running


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_of_this_machine_and_its_network_are_not_public(address: str) -> None:
    """Row C12."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "127.1", "[::ffff:127.0.0.1]"])
def test_loopback_in_any_notation_is_refused_with_the_reason(host: str) -> None:
    """Row C12."""
    with pytest.raises(CorpusError, match=r"not on the public internet.*--allow-private|cannot be found"):
        fetch(f"http://{host}:1/page")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "only http"),
        ("ftp://example.org/a", "only http"),
        ("javascript:alert(1)", "only http"),
        ("http:///nowhere", "only http"),
        ("https://user:secret@example.org/", "name or password"),
        ("http://example.org:99999/", "is no web address"),
        ("http://[::1/", "is no web address"),
    ],
)
def test_addresses_of_other_kinds_are_refused_before_anything_is_resolved(url: str, reason: str) -> None:
    """Row C12."""

    def resolver(host: str, port: int) -> list[str]:
        raise AssertionError("resolved")

    with pytest.raises(CorpusError, match=reason):
        fetch(url, resolver=resolver)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(CorpusError, match=r"news\.example leads to 10\.0\.0\.7"):
        fetch("https://news.example/", resolver=lambda host, port: ["93.184.216.34", "10.0.0.7"])


def test_a_name_is_resolved_once_and_the_connection_goes_to_the_address_that_was_checked(site: Site) -> None:
    """Row C13."""
    resolved = []

    def resolver(host: str, port: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"]

    page = fetch(f"http://news.example:{site.port}/page?a=b c", allow_private=True, resolver=resolver)
    assert resolved == ["news.example"]
    assert page.data == b"<p>hello</p>"
    assert page.content_type.startswith("text/html")
    assert site.requests[0][0] == "/page?a=b%20c"
    assert site.requests[0][1]["Host"] == f"news.example:{site.port}"


def test_a_redirect_to_another_private_host_is_refused_even_where_the_first_was_allowed(site: Site) -> None:
    """Row C13."""
    site.answers["/away"] = redirect(f"http://router.example:{site.port}/page")
    with pytest.raises(CorpusError, match=r"router\.example leads to 127\.0\.0\.1"):
        fetch(f"{site.url}/away", allow_private=True, resolver=lambda host, port: ["127.0.0.1"])


@pytest.mark.parametrize(("target", "reason"), [("file:///etc/passwd", "only http"), ("/loop", "more than 5 times")])
def test_redirects_end_in_a_page_or_a_clear_error(site: Site, target: str, reason: str) -> None:
    site.answers |= {"/loop": redirect("/loop"), "/start": redirect(target)}
    with pytest.raises(CorpusError, match=reason):
        fetch(f"{site.url}/start", allow_private=True)


def test_a_redirect_on_the_same_host_is_followed(site: Site) -> None:
    site.answers["/old"] = redirect("page")
    assert fetch(f"{site.url}/old", allow_private=True).url == f"{site.url}/page"


def test_an_error_answer_is_named(site: Site) -> None:
    with pytest.raises(CorpusError, match=r"/gone answers 404 Not Found.*add the file instead"):
        fetch(f"{site.url}/gone", allow_private=True)


def test_a_closed_port_is_named(site: Site) -> None:
    with pytest.raises(CorpusError, match="cannot be fetched"):
        fetch("http://127.0.0.1:9/", allow_private=True)


def test_an_unknown_host_says_to_check_the_connection() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(CorpusError, match=r"nowhere\.example cannot be found.*online"):
        fetch("https://nowhere.example/", resolver=resolver)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(b"x" * 10_000)


def test_an_endless_answer_is_cut_off(site: Site) -> None:
    """Row C14."""
    site.answers["/endless"] = endless
    with pytest.raises(CorpusError, match="more than 50,000 bytes"):
        fetch(f"{site.url}/endless", allow_private=True, limits=Limits(most_bytes=50_000))


def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off(site: Site) -> None:
    """Row C14."""
    site.answers["/bomb"] = answer(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
    with pytest.raises(CorpusError, match="more than 200,000 bytes"):
        fetch(f"{site.url}/bomb", allow_private=True, limits=Limits(most_bytes=200_000))


def test_a_packed_page_is_unpacked(site: Site) -> None:
    site.answers["/packed"] = answer(gzip.compress(b"<p>packed</p>"), Content_Encoding="gzip")
    assert fetch(f"{site.url}/packed", allow_private=True).data == b"<p>packed</p>"


def drip(begin: Callable[[BaseHTTPRequestHandler], None]) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        begin(handler)
        for _ in range(600):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    return send


def begin_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()


def begin_chunk(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"ffff\r\n")


@pytest.mark.parametrize("begin", [begin_body, begin_chunk, lambda handler: handler.wfile.write(b"HTTP/1.1 200 O")])
def test_a_slow_drip_of_bytes_ends_at_the_deadline(site: Site, begin: Callable[[BaseHTTPRequestHandler], None]) -> None:
    """Row C14."""
    site.answers["/drip"] = drip(begin)
    with pytest.raises(CorpusError, match="takes longer than"):
        fetch(f"{site.url}/drip", allow_private=True, limits=Limits(seconds=0.6))


def test_silence_ends_in_an_error(site: Site) -> None:
    site.answers["/silent"] = lambda handler: time.sleep(2)
    with pytest.raises(CorpusError, match="cannot be fetched"):
        fetch(f"{site.url}/silent", allow_private=True, limits=Limits(silence=0.2))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate for news.example with its key, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "news.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("news.example"), x509.IPAddress(ipaddress.ip_address("10.1.1.1"))]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "pair.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


def test_the_certificate_must_be_the_hosts_and_known(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row C14."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve({"/page": answer("<p>sealed</p>")}, tls=context) as site:

        def get(host: str) -> bytes:
            return fetch(f"https://{host}:{site.port}/page", allow_private=True, resolver=lambda host, port: ["127.0.0.1"]).data

        with pytest.raises(CorpusError, match=r"cannot be fetched.*certificate"):
            get("news.example")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert get("news.example") == b"<p>sealed</p>"
        with pytest.raises(CorpusError, match=r"cannot be fetched.*certificate"):
            get("other.example")
