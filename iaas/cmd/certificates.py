"""This host's certificates for other hosts of the cloud, made at start and looked after once a day."""

from __future__ import annotations

from pathlib import Path

from iaas.cmd.start import Start
from iaas.config import sections
from iaas.errors import Invalid
from iaas.host.pki import Authority

RENEW_S = 86400.0


def keep(process: Start, directory: Path, address: str) -> Path:
    """The directory, with certificates for the host's name and address. Exits when the configuration has no secret
    for them."""
    try:
        authority = Authority(process.section(sections.Auth).internal_secret)
    except Invalid as error:
        raise SystemExit(f"{process.daemon.binary}: {error.message}") from None
    authority.ensure(directory, process.host, [address])
    process.daemon.every(RENEW_S, "certificates", lambda: authority.ensure(directory, process.host, [address]))
    return directory
