"""Hosts' certificates: the same authority everywhere, pairs that fit at any moment, and tools that accept them."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iaas import errors
from iaas.host.exec import Runner
from iaas.host.pki import Authority

SECRET = "s" * 64
NOW = datetime(2026, 11, 21, tzinfo=UTC)
FILES = ("ca-cert.pem", "server-cert.pem", "server-key.pem", "client-cert.pem", "client-key.pem")


def made(directory: Path, secret: str = SECRET, name: str = "host1", address: str = "127.0.0.1") -> Path:
    Authority(secret).ensure(directory, name, [address])
    return directory


@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_without_a_real_secret_there_is_no_authority(secret: str) -> None:
    with pytest.raises(errors.Invalid, match="internal_secret"):
        Authority(secret)


def test_two_hosts_with_one_secret_have_one_authority_and_keys_of_their_own(tmp_path: Path) -> None:
    one, two, foreign = made(tmp_path / "1"), made(tmp_path / "2", name="host2"), made(tmp_path / "3", "t" * 64)
    authority = (one / "ca-cert.pem").read_bytes()
    assert authority == (two / "ca-cert.pem").read_bytes() != (foreign / "ca-cert.pem").read_bytes()
    assert (one / "server-key.pem").read_bytes() != (two / "server-key.pem").read_bytes()
    assert (one / "cacert.pem").read_bytes() == authority and (one / "clientkey.pem").exists()


def test_keys_are_the_owners_alone(tmp_path: Path) -> None:
    directory = made(tmp_path / "pki")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {(directory / name).stat().st_mode & 0o777 for name in FILES} == {0o600}


def test_certificates_are_made_once_and_renewed_on_the_same_key_at_half_of_their_life(tmp_path: Path) -> None:
    directory, authority = made(tmp_path), Authority(SECRET)
    before = {name: (directory / name).read_bytes() for name in FILES}
    assert not authority.ensure(directory, "host1", ["127.0.0.1"], datetime.now(UTC) + timedelta(days=1800))
    assert authority.ensure(directory, "host1", ["127.0.0.1"], datetime.now(UTC) + timedelta(days=1900))
    after = {name: (directory / name).read_bytes() for name in FILES}
    assert {name for name in FILES if before[name] != after[name]} == {"server-cert.pem", "client-cert.pem"}


@pytest.mark.parametrize("change", ["address", "name", "secret", *FILES, "clientcert.pem", "server-cert.pem=garbage"])
def test_what_no_longer_fits_is_made_anew(tmp_path: Path, change: str) -> None:
    made(tmp_path)
    file, _, content = change.partition("=")
    if (tmp_path / file).exists():
        (tmp_path / file).write_text(content) if content else (tmp_path / file).unlink()
    authority = Authority("t" * 40 if change == "secret" else SECRET)
    name = "host2" if change == "name" else "host1"
    addresses = ["127.0.0.1", "10.0.0.9"] if change == "address" else ["127.0.0.1"]
    assert authority.ensure(tmp_path, name, addresses) and not authority.ensure(tmp_path, name, addresses)


def connects(server: Path, client: Path | None) -> bool:
    """Whether a TLS connection with both certificates is made and carries a byte."""
    listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listening.load_cert_chain(server / "server-cert.pem", server / "server-key.pem")
    listening.load_verify_locations(server / "ca-cert.pem")
    listening.verify_mode = ssl.CERT_REQUIRED
    asking = ssl.create_default_context(cafile=str((client or server) / "ca-cert.pem"))
    if client:
        asking.load_cert_chain(client / "client-cert.pem", client / "client-key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                with listening.wrap_socket(listener.accept()[0], server_side=True) as connection:
                    connection.sendall(b"x")
            except (ssl.SSLError, OSError):
                return  # what the client saw is what counts

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            raw = socket.create_connection(listener.getsockname(), timeout=5)
            with raw, asking.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
                return connection.recv(1) == b"x"
        except (ssl.SSLError, ConnectionError):
            return False
        finally:
            thread.join()


def test_hosts_of_one_cloud_trust_each_other_and_nobody_else(tmp_path: Path) -> None:
    one, two, foreign = made(tmp_path / "1"), made(tmp_path / "2", name="host2"), made(tmp_path / "3", "t" * 64)
    assert connects(one, two)
    assert not connects(one, None)
    assert not connects(one, foreign) and not connects(foreign, one)
    assert not connects(made(tmp_path / "4", address="127.0.0.2"), one), "another address than it answers at"


@pytest.mark.skipif(not shutil.which("certtool"), reason="GnuTLS's certtool is not installed")
def test_gnutls_which_qemu_uses_accepts_them(tmp_path: Path) -> None:
    made(tmp_path)
    Runner().run(
        ["certtool", "--verify", "--load-ca-certificate", str(tmp_path / "ca-cert.pem"), "--infile",
         str(tmp_path / "server-cert.pem"), "--verify-purpose", "1.3.6.1.5.5.7.3.1"], timeout=10,
    )  # fmt: skip
