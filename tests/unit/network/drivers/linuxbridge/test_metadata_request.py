"""The strict reading of a guest's request, and what the API hears."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaas.errors import Invalid
from iaas.network.drivers.linuxbridge.metadata_proxy import MetadataProxy
from iaas.network.drivers.linuxbridge.metadata_request import (
    Refused,
    Request,
    forwarded,
    parse,
    refusal,
    signature,
)


def _forwarded(request: Request, body: bytes = b"") -> list[str]:
    text = forwarded(request, body, host="api:1", base="/md", network_id="net", ip="10.0.0.5", secret="s")
    return text.decode().split("\r\n")


def test_only_listed_headers_are_passed_on() -> None:
    request = parse(b"GET /x?y HTTP/1.1\r\nHost: h\r\nUser-Agent: curl\r\nCookie: a\r\nX-Forwarded-For: 1")
    assert request == Request(method="GET", target="/x?y", headers=(("user-agent", "curl"),), length=0)


def test_the_signature_is_over_network_and_address() -> None:
    expected = hmac.new(b"s", b"net 10.0.0.5", hashlib.sha256).hexdigest()
    assert signature("s", "net", "10.0.0.5") == expected
    lines = _forwarded(parse(b"PUT /t HTTP/1.0\r\nContent-Length: 3"), b"abc")
    assert lines[0] == "PUT /md/t HTTP/1.0"
    assert f"X-Iaas-Signature: {expected}" in lines
    assert "X-Forwarded-For: 10.0.0.5" in lines
    assert "X-Network-Id: net" in lines
    assert lines[-2:] == ["", "abc"]


_SPELLINGS = [
    "X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "X-Network-Id", "X-NETWORK-ID", "X-Iaas-Signature",
    "X-Instance-ID", "X-Instance-ID-Signature", "X-Tenant-ID", "Forwarded", "Host", "Connection", "X-Real-IP",
]  # fmt: skip


@pytest.mark.parametrize("name", _SPELLINGS)
def test_no_spelling_of_a_trusted_header_survives(name: str) -> None:
    """S-085"""
    lines = _forwarded(parse(f"GET / HTTP/1.1\r\n{name}: forged\r\n{name}: forged".encode()))
    assert not [line for line in lines if "forged" in line]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 400),
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"DELETE / HTTP/1.1", 400),
        (b"GET x HTTP/1.1", 400),
        (b"GET http://a/ HTTP/1.1", 400),
        (b"GET / HTTP/2.0", 400),
        (b"GET /\x00 HTTP/1.1", 400),
        (b"GET / HTTP/1.1\nUser-Agent: a", 400),
        (b"GET / HTTP/1.1\r\nUser-Agent : a", 400),
        (b"GET / HTTP/1.1\r\nUser-Agent: a\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nUser-Agent: a\rX-Network-Id: b", 400),
        (b"GET / HTTP/1.1\r\nUser-Agent: a\r\nUser-Agent: b", 400),
        (b"GET / HTTP/1.1\r\nno colon", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 1", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 65537", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 501),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1", 400),
    ],
)
def test_what_is_in_doubt_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        parse(head)
    assert refused.value.status == status
    assert refusal(status).startswith(f"HTTP/1.1 {status} ".encode())


@given(st.binary(max_size=200), st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"GET /"]))
def test_whatever_is_sent_the_api_hears_one_request_with_one_of_each_of_our_headers(noise: bytes, start: bytes) -> None:
    try:
        request = parse(start + noise)
    except Refused:
        return
    names = [line.split(":")[0].lower() for line in _forwarded(request)[1:-2]]
    assert names.count("x-forwarded-for") == names.count("x-network-id") == names.count("x-iaas-signature") == 1
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("url", "secret"), [("https://api", "s"), ("nonsense", "s"), ("http://api:8775", "")])
def test_a_proxy_without_a_plain_url_or_a_secret_is_refused(url: str, secret: str) -> None:
    with pytest.raises(Invalid):
        MetadataProxy(url, secret)
