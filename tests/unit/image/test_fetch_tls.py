"""Redirects between https and http, and whom TLS believes, against real servers on loopback (S-020, S-021)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from iaas.config.sections import Image as Options
from iaas.errors import Invalid
from iaas.host.pki import Authority
from iaas.image import fetch
from iaas.image.faults import Broken
from tests.unit.image.canary import Canary, serving

NAME = "mirror.example"  # what the certificate says, beside 127.0.0.1
DATA = b"secret" * 1000


@dataclass(frozen=True)
class Web:
    """``safe`` speaks TLS with a certificate of an authority that ``options`` trust, ``plain`` does not."""

    safe: Canary
    plain: Canary
    options: Options

    def read(self, url: str, options: Options | None = None) -> bytes:
        with fetch.open_url(url, options or self.options, lambda *_: ["127.0.0.1"]) as stream:
            return b"".join(iter(lambda: stream.read(4096), b""))

    def hits(self) -> list[str]:
        """Who was asked for what, in no order of time; forgets it."""
        found = [f"{canary.scheme} {path}" for canary in (self.safe, self.plain) for path, _ in canary.hits]
        self.safe.hits.clear()
        self.plain.hits.clear()
        return found


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("tls")
    Authority("t" * 40).ensure(folder, NAME, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server-cert.pem", folder / "server-key.pem")
    with serving(tls=context) as safe, serving() as plain:
        options = Options(
            web_ports=(str(safe.port), str(plain.port)), web_networks=("127.0.0.1/32",),
            web_ca_file=str(folder / "ca-cert.pem"),
        )  # fmt: skip
        safe.pages["/data"] = plain.pages["/data"] = (200, {}, DATA)
        yield Web(safe, plain, options)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_from_https_to_http_is_refused_and_http_never_asked(web: Web, status: int) -> None:
    """S-021: what was promised to come unchanged does."""
    web.safe.pages["/down"] = (status, {"Location": web.plain.url("/data")}, b"")
    with pytest.raises(Invalid, match="from https to http"):
        web.read(web.safe.url("/down", NAME))
    assert web.hits() == ["https /down"]


def test_the_step_down_is_refused_wherever_it_is_in_a_chain(web: Web) -> None:
    web.plain.pages["/start"] = (302, {"Location": web.safe.url("/second", NAME)}, b"")
    web.safe.pages["/second"] = (302, {"Location": web.plain.url("/data")}, b"")
    with pytest.raises(Invalid, match="from https to http"):
        web.read(web.plain.url("/start"))
    assert web.hits() == ["https /second", "http /start"]


@pytest.mark.parametrize("there", ["{safe}/data", "//mirror.example:{port}/data", "/data", "data", "data#part"])
def test_redirects_that_stay_with_https_are_followed(web: Web, there: str) -> None:
    """However the place is written: whole, without the scheme, or relative."""
    location = there.replace("{safe}", web.safe.url("", NAME)).replace("{port}", str(web.safe.port))
    web.safe.pages["/moved"] = (302, {"Location": location}, b"")
    assert web.read(web.safe.url("/moved", NAME)) == DATA
    assert web.hits() == ["https /moved", "https /data"]


def test_a_redirect_from_http_to_https_is_followed(web: Web) -> None:
    web.plain.pages["/up"] = (301, {"Location": web.safe.url("/data", NAME)}, b"")
    assert web.read(web.plain.url("/up")) == DATA
    assert web.hits() == ["https /data", "http /up"]


def test_a_redirect_from_https_to_a_forbidden_address_is_not_connected_to(web: Web) -> None:
    """S-020: TLS is no reason to trust where its server sends to."""
    web.safe.pages["/inside"] = (302, {"Location": f"https://{NAME}:{web.safe.port}/data"}, b"")
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with pytest.raises(Invalid, match="address is not allowed"):
        fetch.open_url(web.safe.url("/inside", NAME), web.options, lambda *_: next(answers))
    assert web.hits() == ["https /inside"]


def test_tls_proves_the_name_of_the_url_and_not_the_address(web: Web) -> None:
    assert web.read(web.safe.url("/data", NAME)) == DATA
    assert web.hits() == ["https /data"]
    with pytest.raises(Invalid, match="does not prove its name"):
        web.read(web.safe.url("/data", "other.example"))
    with pytest.raises(Invalid, match="does not prove its name"):  # and so at the end of a redirect
        web.plain.pages["/other"] = (302, {"Location": web.safe.url("/data", "other.example")}, b"")
        web.read(web.plain.url("/other"))
    assert web.hits() == ["http /other"]


def test_an_authority_that_is_not_trusted_and_a_server_without_tls_are_refused(web: Web, tmp_path: Path) -> None:
    Authority("o" * 40).ensure(tmp_path, NAME, [])
    stranger = replace(web.options, web_ca_file=str(tmp_path / "ca-cert.pem"))
    for url, options in (
        (web.safe.url("/data", NAME), stranger),
        (web.safe.url("/data", NAME), replace(web.options, web_ca_file="")),
        (f"https://{NAME}:{web.plain.port}/data", web.options),
    ):
        with pytest.raises(Invalid, match="does not prove its name"):
            web.read(url, options)
    assert web.hits() == []


def test_a_cut_connection_is_no_end_of_the_data(web: Web) -> None:
    """The server sends no length, and ends without saying so in TLS: anybody between may have cut it."""
    web.safe.pages["/ragged"] = (200, {"Content-Length": ""}, DATA)
    with pytest.raises(Broken, match="stopped in the middle"):
        web.read(web.safe.url("/ragged", NAME))
    assert web.hits() == ["https /ragged"]


def test_without_http_among_the_schemes_no_redirect_leads_there(web: Web) -> None:
    only = replace(web.options, web_schemes=("https",))
    web.safe.pages["/down"] = (302, {"Location": web.plain.url("/data")}, b"")
    for url in (web.plain.url("/data"), web.safe.url("/down", NAME)):
        with pytest.raises(Invalid, match="scheme is not allowed"):
            web.read(url, only)
    assert web.hits() == ["https /down"]
