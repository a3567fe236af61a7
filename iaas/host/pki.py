"""Certificates of hosts for each other (volumes over NBD, live migration), with nothing to copy but iaas.conf.

The cloud's authority is derived from a secret of the configuration, the same on every host to the last byte; each host
issues a certificate to itself, for both ends of a connection, and keeps it in a directory of its own:

    ca-cert.pem  server-cert.pem  server-key.pem  client-cert.pem  client-key.pem       as QEMU and libvirt name them
    cacert.pem   servercert.pem   serverkey.pem   clientcert.pem   clientkey.pem        the same, as libvirt's URIs do

So who knows the secret is a host of this cloud: it is worth as much as the broker's password beside it. A host's
certificate lives for ten years and is renewed, on the same key, when half of that is over: a QEMU that was started with
the old one has five years to end. A new secret makes all old certificates worthless.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iaas import errors
from iaas.host import files

LEAST = 32  # characters of the secret
_LIFE = timedelta(days=3650)
_CA_FROM, _CA_TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
_SKEW = timedelta(days=1)  # how far a host's clock may be behind the issuer's
_ALIASES = {
    "cacert.pem": "ca-cert.pem", "servercert.pem": "server-cert.pem", "serverkey.pem": "server-key.pem",
    "clientcert.pem": "client-cert.pem", "clientkey.pem": "client-key.pem",
}  # fmt: skip


class Authority:
    """The cloud's authority. Raises Invalid for a secret that is missing or too short to be one."""

    def __init__(self, secret: str) -> None:
        if len(secret) < LEAST:
            raise errors.Invalid(
                f"[auth] internal_secret has {len(secret)} characters and needs at least {LEAST}: hosts make their "
                "certificates for each other of it", field="internal_secret",
            )  # fmt: skip
        seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"iaas host authority 1").derive(
            secret.encode()
        )
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "iaas hosts")])
        self._certificate = self._own()

    def ensure(self, directory: Path, name: str, addresses: Collection[str], now: datetime | None = None) -> bool:
        """The directory has this host's certificates, valid for ``name`` and ``addresses`` and for long enough; True
        when they had to be made. May be called at any time, also by several daemons at once."""
        now = now or datetime.now(UTC)
        files.directory(directory)
        with files.lock(directory / ".lock"):
            if self._fits(directory, name, addresses, now):
                return False
            self._issue(directory, name, addresses, now)
        return True

    def _own(self) -> x509.Certificate:
        """The authority's certificate: constant, as Ed25519 signs the same text always the same."""
        usage = _usage(signs=True)
        return (
            x509.CertificateBuilder(self._name, self._name, self._key.public_key(), 1, _CA_FROM, _CA_TO)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
        )

    def _fits(self, directory: Path, name: str, addresses: Collection[str], now: datetime) -> bool:
        """Whether what is there is whole, ours, for these names, and not past half of its life."""
        key, content = _key(directory), files.read(directory / "server-cert.pem")
        if key is None or content is None or any(files.read(directory / file) is None for file in _ALIASES):
            return False
        try:
            found = x509.load_pem_x509_certificate(content)
            found.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        same = files.read(directory / "client-cert.pem") == content and found.public_key() == key.public_key()
        whole = files.read(directory / "ca-cert.pem") == self._pem(self._certificate)
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == _names(name, addresses)
        return same and whole and named and now < found.not_valid_after_utc - _LIFE / 2

    def _issue(self, directory: Path, name: str, addresses: Collection[str], now: datetime) -> None:
        """The key first: with the old or the new certificate it is a pair, so a crash leaves what can be used."""
        key = _key(directory) or Ed25519PrivateKey.generate()
        certificate = self._pem(self._certify(key, name, addresses, now))
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for role in ("server", "client"):
            files.write(directory / f"{role}-key.pem", encoded)
        files.write(directory / "ca-cert.pem", self._pem(self._certificate))
        for role in ("server", "client"):
            files.write(directory / f"{role}-cert.pem", certificate)
        for alias, file in _ALIASES.items():
            temporary = files.partial(directory / alias)
            temporary.symlink_to(file)
            temporary.replace(directory / alias)

    def _certify(
        self, key: Ed25519PrivateKey, name: str, addresses: Collection[str], now: datetime
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        serial, both = x509.random_serial_number(), [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        public = key.public_key()
        return (
            x509.CertificateBuilder(self._name, subject, public, serial, now - _SKEW, now + _LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=False)  # QEMU 7.2 asks for key encipherment also of Ed25519
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(_names(name, addresses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
        )

    @staticmethod
    def _pem(certificate: x509.Certificate) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_encipherment=not signs, key_cert_sign=signs, crl_sign=signs,
        content_commitment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _names(name: str, addresses: Collection[str]) -> x509.SubjectAlternativeName:
    """The name, and the addresses in order; what is neither is left out."""
    found: list[x509.GeneralName] = [x509.DNSName(name)]
    found += [x509.IPAddress(item) for item in sorted({ipaddress.ip_address(text) for text in addresses}, key=str)]
    return x509.SubjectAlternativeName(found)


def _key(directory: Path) -> Ed25519PrivateKey | None:
    """The host's key, when both files have the same."""
    content = files.read(directory / "server-key.pem")
    if content is None or content != files.read(directory / "client-key.pem"):
        return None
    try:
        key = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None
