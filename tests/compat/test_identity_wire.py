"""What only shows on a real connection: bodies without a length, refusals before a body is read, keep-alive."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.compat.cloud import PASSWORD, Cloud

LOGIN = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}},
        }
    }
}


def connect(cloud: Cloud) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(cloud.url).netloc, timeout=10)


def test_a_chunked_login_works_and_the_connection_lives_on(cloud: Cloud) -> None:
    connection = connect(cloud)
    text = json.dumps(LOGIN).encode()
    for _ in range(3):
        pieces = (text[start : start + 7] for start in range(0, len(text), 7))
        connection.request("POST", "/v3/auth/tokens", body=pieces, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == 201
        assert answer.headers["X-Subject-Token"]
        answer.read()


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_413_without_being_read_whole(cloud: Cloud, chunked: bool) -> None:
    """S-109: also without Content-Length."""
    connection = connect(cloud)
    body = (b" " * 1000 for _ in range(200)) if chunked else b" " * 200_000
    connection.request("POST", "/v3/auth/tokens", body=body, encode_chunked=chunked)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["error"]["title"] == "Request Entity Too Large"


def test_a_login_with_an_endless_announced_body_is_refused_at_once(cloud: Cloud) -> None:
    place = urlsplit(cloud.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as connection:
        connection.sendall(b"POST /v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\n{")
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


def test_a_hostile_body_does_not_end_the_service(cloud: Cloud) -> None:
    """S-110"""
    for body in (b"[" * 100_000, b'{"a":' * 20_000, b"9" * 100_000, b"\xef\xbb\xbf{}", b'{"auth": NaN}', b""):
        connection = connect(cloud)
        connection.request("POST", "/v3/auth/tokens", body=body)
        assert connection.getresponse().status == 400
    connection = connect(cloud)
    connection.request("GET", "/v3")
    assert connection.getresponse().status == 200
