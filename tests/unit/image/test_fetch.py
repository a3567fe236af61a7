"""What the platform fetches for a user, and what it never connects to (S-020, S-021)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest

from iaas.config.sections import Image as Options
from iaas.errors import Invalid, Unavailable
from iaas.image import address, fetch
from iaas.image.faults import Broken
from tests.unit.image.canary import Canary, serving

# {p}: the port of the canary, which the configuration allows, so that the address alone is what protects.
FORMS = [
    "http://127.0.0.1:{p}/", "http://localhost:{p}/", "http://127.1:{p}/", "http://127.0.1:{p}/", "http://0:{p}/",
    "http://0.0.0.0:{p}/", "http://2130706433:{p}/", "http://0x7f000001:{p}/", "http://0x7f.1:{p}/",
    "http://0x7f.0x0.0x0.0x1:{p}/", "http://0177.0.0.1:{p}/", "http://017700000001:{p}/", "http://0177.1:{p}/",
    "http://127.0.0.1.:{p}/", "http://LOCALHOST:{p}/", "http://127.255.255.254:{p}/", "http://[::1]:{p}/",
    "http://[::]:{p}/", "http://[::ffff:127.0.0.1]:{p}/", "http://[::ffff:7f00:1]:{p}/", "http://[::127.0.0.1]:{p}/",
    "http://[0:0:0:0:0:ffff:7f00:0001]:{p}/", "http://[64:ff9b::7f00:1]:{p}/", "http://[64:ff9b:1::7f00:1]:{p}/",
    "http://[2002:7f00:1::]:{p}/", "http://[2001::1]:{p}/", "http://[fe80::1]:{p}/", "http://[fe80::1%25lo]:{p}/",
    "http://[fc00::1]:{p}/", "http://[ff02::1]:{p}/", "http://169.254.169.254:{p}/latest/meta-data/",
    "http://10.0.0.1:{p}/", "http://172.16.0.1:{p}/", "http://192.168.0.1:{p}/", "http://100.64.0.1:{p}/",
    "http://224.0.0.1:{p}/", "http://255.255.255.255:{p}/", "http://198.18.0.1:{p}/", "http://168.63.129.16:{p}/",
    "http://a@127.0.0.1:{p}/", "http://example.com@127.0.0.1:{p}/", "http://example.com:80@127.0.0.1:{p}/",
    "http://127.0.0.1:{p}\\@example.com/", "http://127.0.0.1:{p}#@example.com/", "http://127.0.0.1:{p}?@example.com/",
    "http://127.0.0.1\t:{p}/", "http://127.0.0.1:{p}/\r\nHost: x", "//127.0.0.1:{p}/", "http:127.0.0.1:{p}/",
    "http:///127.0.0.1:{p}/", "http://①②⑦.⓪.⓪.①:{p}/", "http://127。0。0。1:{p}/", "HTTP://127.0.0.1:{p}/",
    "https://127.0.0.1:{p}/", "http://127.0.0.1:22/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/",
    "file:///etc/passwd", "ftp://127.0.0.1:{p}/", "gopher://127.0.0.1:{p}/_GET", "dict://127.0.0.1:{p}/",
    "filesystem:///etc/passwd", "swift+http://127.0.0.1:{p}/", "", "http://", "http://" + "a" * 3000,
]  # fmt: skip


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with serving() as found:
        found.pages["/"] = (200, {}, b"secret")
        yield found


@pytest.fixture
def options(canary: Canary) -> Options:
    """What is allowed in most tests: the canary's own address, as if it were public."""
    return Options(web_ports=("80", "443", str(canary.port)), web_networks=("127.0.0.1/32",))


def read(url: str, options: Options) -> bytes:
    stream = fetch.open_url(url, options)
    with stream:
        return b"".join(iter(lambda: stream.read(3), b""))


def test_no_form_of_a_url_reaches_what_is_not_public(canary: Canary) -> None:
    """S-020, S-021: each is refused, and nobody came."""
    options = Options(web_ports=("80", "443", str(canary.port)))
    before = len(canary.hits)
    assert len(FORMS) >= 40
    for form in FORMS:
        with pytest.raises(Invalid):
            fetch.open_url(form.replace("{p}", str(canary.port)), options)
    assert canary.hits[before:] == []


def test_a_public_answer_among_private_ones_does_not_help(options: Options) -> None:
    """A name with several addresses is refused for the worst of them."""
    with pytest.raises(Invalid, match="address is not allowed"):
        fetch.open_url("http://mixed.example/", options, lambda *_: ["93.184.216.34", "10.0.0.1"])


def test_a_name_is_resolved_once_and_what_it_says_later_does_not_matter(canary: Canary, options: Options) -> None:
    """S-020: a DNS answer that changes."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    stream = fetch.open_url(canary.url("/", "changes.example"), options, lambda *_: next(answers))
    assert stream.read(100) == b"secret"
    stream.close()
    assert next(answers) == ["169.254.169.254"]
    assert canary.hits[-1][1]["Host"] == f"changes.example:{canary.port}"


@pytest.mark.parametrize(
    "there",
    ["http://127.0.0.2:{p}/", "http://169.254.169.254/", "file:///etc/passwd", "//0x7f.2:{p}/", "http://a@127.0.0.1:{p}/",
     "http://127.0.0.1:22/", ""],
    ids=["loopback", "metadata", "file", "hex", "user", "port", "nowhere"],
)  # fmt: skip
def test_each_redirect_is_judged_as_the_first_url_was(canary: Canary, options: Options, there: str) -> None:
    """S-020"""
    canary.pages["/moved"] = (302, {"Location": there.replace("{p}", str(canary.port))}, b"")
    before = len(canary.hits)
    with pytest.raises(Invalid):
        read(canary.url("/moved"), options)
    assert {path for path, _ in canary.hits[before:]} == {"/moved"}


def test_redirects_are_followed_a_few_times(canary: Canary, options: Options) -> None:
    canary.pages["/1"] = (301, {"Location": "/2"}, b"")
    canary.pages["/2"] = (307, {"Location": canary.url("/")}, b"")
    assert read(canary.url("/1"), options) == b"secret"
    canary.pages["/round"] = (302, {"Location": "/round"}, b"")
    before = len(canary.hits)
    with pytest.raises(Invalid, match="on and on"):
        read(canary.url("/round"), options)
    assert len(canary.hits) - before == fetch.REDIRECTS + 1


def test_no_credentials_leave(canary: Canary, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-021: nothing of the user's request, no proxy, no .netrc."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    assert read(canary.url("/"), options) == b"secret"
    names = {name.lower() for name in canary.hits[-1][1]}
    assert names == {"host", "accept", "accept-encoding", "user-agent", "connection"}


def test_packed_data_missing_pages_and_broken_servers_are_told_apart(canary: Canary, options: Options) -> None:
    canary.pages["/zip"] = (200, {"Content-Encoding": "gzip"}, b"x")
    canary.pages["/busy"] = (503, {}, b"")
    for path, kind in (("/zip", Invalid), ("/none", Invalid), ("/busy", Unavailable)):
        with pytest.raises(kind):
            read(canary.url(path), options)
    with pytest.raises(Invalid, match="not known"):
        fetch.open_url("http://nobody.example/", options, lambda *_: (_ for _ in ()).throw(socket.gaierror()))


def test_the_time_of_a_download_is_limited(canary: Canary, options: Options) -> None:
    """The server sends its headers, and its byte only when nobody waits for it any more."""
    canary.pages["/slow"] = (200, {"Content-Length": "100"}, b"x")
    over = threading.Event()
    canary.before = lambda path: over.wait(20)
    got = b""
    with fetch.open_url(canary.url("/slow"), replace(options, web_hours=0.2 / 3600)) as stream, suppress(Broken):
        got = stream.read(10)
    over.set()
    canary.before = lambda path: None
    assert got == b""


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450::1"])
def test_public_addresses_are_allowed(text: str) -> None:
    assert address.allowed(text, ())


def test_networks_that_the_operator_names_are_allowed() -> None:
    assert address.allowed("10.1.2.3", ("10.1.0.0/16",))
    assert not address.allowed("10.2.2.3", ("10.1.0.0/16",))
    assert not address.allowed("no address", ("0.0.0.0/0",))


@contextmanager
def dribbling(words: bytes) -> Iterator[int]:
    """The port of a server that says this much and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = stack.enter_context(listener.accept()[0])
                    client.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("scheme", "words", "refusal"),
    [("https", b"", Invalid), ("https", b"\x16\x03\x03", Invalid), ("http", b"HTTP/1.1 200 OK\r\nX: ", Unavailable)],
    ids=["no handshake", "half a handshake", "half a head"],
)
def test_a_server_that_never_comes_to_its_data_is_left_in_time(
    scheme: str, words: bytes, refusal: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it sends a byte: a worker would lose its lease, and the next one would be caught in turn (F-10)."""
    monkeypatch.setattr(fetch, "ANSWER_S", 0.1)
    with dribbling(words) as port:
        options = Options(web_ports=(str(port),), web_networks=("127.0.0.1/32",))
        with pytest.raises(refusal):
            fetch.open_url(f"{scheme}://127.0.0.1:{port}/", options)


@pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked", b"Server: x"])
def test_what_has_come_is_read_without_waiting_for_more(framing: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two reads a lease is renewed: they must not last until a whole piece is there."""
    data = b"9\r\nab" if b"chunked" in framing else b"ab"
    with dribbling(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + data) as port:
        options = Options(web_ports=(str(port),), web_networks=("127.0.0.1/32",))
        with fetch.open_url(f"http://127.0.0.1:{port}/", options) as stream:
            assert stream.read(1000) == b"ab"


def test_less_than_was_announced_is_no_end(canary: Canary, options: Options) -> None:
    canary.pages["/less"] = (200, {"Content-Length": "10"}, b"short")
    with pytest.raises(Broken):
        read(canary.url("/less"), options)


def test_the_end_of_the_time_is_not_the_end_of_the_data() -> None:
    """An answer without a length ends with its connection: one that we cut has not."""
    with dribbling(b"HTTP/1.1 200 OK\r\n\r\nab") as port:
        options = Options(web_ports=(str(port),), web_networks=("127.0.0.1/32",), web_hours=1 / 3600)
        with fetch.open_url(f"http://127.0.0.1:{port}/", options) as stream, pytest.raises(Broken):
            while stream.read(1000):
                pass
