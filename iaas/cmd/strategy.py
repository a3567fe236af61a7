"""``[auth] strategy`` put into effect: which identity a daemon asks, and where it is unsafe to ask none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iaas.cmd.listen import address, url
from iaas.cmd.start import Start
from iaas.config import sections
from iaas.errors import Invalid
from iaas.identity.facade import IdentityFacade
from iaas.identity.service import IdentityServices

if TYPE_CHECKING:
    from iaas.db.engine import Database

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


def identity_of(process: Start, database: Database) -> IdentityFacade:
    """For the daemons that serve others. Exits with a one-line message when the configuration does not allow it."""
    return own_identity(process, IdentityServices.open(database, process.section(sections.Auth)), itself=False)


def own_identity(process: Start, services: IdentityServices, itself: bool = True) -> IdentityFacade:
    """``itself``: the identity API's, which has nothing to serve beside another identity service."""
    auth = process.section(sections.Auth)
    try:
        if auth.strategy == "keystone" and itself:
            raise Invalid("[auth] strategy = keystone: another identity service is in use, this one is not to run")
        if auth.strategy == "noauth" and (open_ := _open_to_others(process.section(sections.Api))):
            raise Invalid(f"[auth] strategy = noauth is for tests on loopback, and [api] listens on {', '.join(open_)}")
        return IdentityFacade.over(services, auth, process.section(sections.Keystone))
    except Invalid as error:
        raise SystemExit(f"{process.daemon.binary}: {error.message}") from None


def login_url(process: Start) -> str:
    """Where a client without a token is sent."""
    if process.section(sections.Auth).strategy == "keystone":
        return process.section(sections.Keystone).auth_url
    return url(process.section(sections.Api), "identity") + "/v3"


def _open_to_others(api: sections.Api) -> list[str]:
    listens = [getattr(api, f"{name}_listen") for name in ("compute", "network", "volume", "identity", "image")]
    return [listen for listen in listens if address(listen)[0] not in LOOPBACK]
