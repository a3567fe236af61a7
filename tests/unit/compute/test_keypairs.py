"""Public keys: what is one, and its fingerprint."""

from __future__ import annotations

import base64

import pytest

from iaas.compute import keypairs
from iaas.errors import Invalid

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def test_the_fingerprint_is_what_ssh_keygen_shows_for_md5() -> None:
    assert keypairs.fingerprint(ED + " a comment with spaces") == "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 not-base64!",
        "ssh-unknown " + ED.split()[1],
        "ssh-rsa " + ED.split()[1],
        "ssh-ed25519 " + base64.b64encode(b"\xff\xff\xff\xff").decode(),
        "ssh-ed25519 " + base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519").decode(),
        ED + "\n" + ED,
        'command="rm -rf /" ' + ED,
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        keypairs.fingerprint(text)
