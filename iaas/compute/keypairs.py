"""Key pairs: read and check a public key, or make a pair. The private half is answered once and never
kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import quotas
from iaas.db.compute import keypairs
from iaas.db.engine import Tx
from iaas.errors import Invalid, QuotaExceeded
from iaas.model.keypair import Keypair

KEY_TYPES = frozenset({
    "ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
})  # fmt: skip
RSA_BITS = 2048


@dataclass(frozen=True, kw_only=True)
class NewPair:
    keypair: Keypair
    private_key: str | None = field(default=None, repr=False)


def create(compute: Compute, context: Context, user_id: str, name: str, public_key: str | None) -> NewPair:
    """Imports the key, or makes an RSA pair when there is none. Raises Invalid, Conflict, QuotaExceeded."""
    private_key = None
    if public_key is None:
        public_key, private_key = _generate()
    row = {"user_id": user_id, "name": name, "type": "ssh", "public_key": public_key.strip(),
           "fingerprint": fingerprint(public_key)}  # fmt: skip

    def write(tx: Tx) -> Keypair:
        _take(compute, tx, context, user_id)
        keypairs.insert(tx, row)
        return keypairs.get(tx, user_id, name)

    return NewPair(keypair=compute.database.run(write), private_key=private_key)


def delete(compute: Compute, user_id: str, name: str) -> None:
    """Raises NotFound."""

    def write(tx: Tx) -> None:
        keypairs.remove(tx, user_id, name)
        quotas.give(tx, user_id, {"key_pairs": 1})

    compute.database.run(write)


def get(compute: Compute, user_id: str, name: str) -> Keypair:
    with compute.database.read() as tx:
        return keypairs.get(tx, user_id, name)


def page(compute: Compute, user_id: str, limit: int, marker: str | None) -> list[Keypair]:
    with compute.database.read() as tx:
        return keypairs.of_user(tx, user_id, limit, marker)


def fingerprint(public_key: str) -> str:
    """MD5 over the key blob with colons: what the API has always shown. Raises Invalid for what is no
    SSH key.
    """
    parts = public_key.split()
    if "\n" in public_key.strip() or len(parts) < 2 or parts[0] not in KEY_TYPES:
        raise Invalid("Keypair data is invalid: failed to generate fingerprint", field="public_key")
    try:
        blob = base64.b64decode(parts[1], validate=True)
        (length,) = struct.unpack(">I", blob[:4])
        named = blob[4 : 4 + length].decode("ascii")
    except (binascii.Error, struct.error, UnicodeDecodeError):
        named = ""
    if named != parts[0] or len(blob) <= 4 + length:
        raise Invalid("Keypair data is invalid: failed to generate fingerprint", field="public_key")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def _generate() -> tuple[str, str]:
    """RSA, because every guest's SSH server knows it; the private half in the form that ssh tools have
    always read.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return f"{public.decode()} Generated-by-iaas", private.decode()


def _take(compute: Compute, tx: Tx, context: Context, user_id: str) -> None:
    """The limit is the project's, the count is the user's."""
    limit = quotas.limits(tx, context.owner, compute.quota)["key_pairs"]
    try:
        quotas.take(tx, user_id, {"key_pairs": 1}, {"key_pairs": limit})
    except QuotaExceeded as error:
        words = f"Quota exceeded, too many key pairs: already used {error.details['used']} of {limit}."
        raise QuotaExceeded(words, **error.details) from error
