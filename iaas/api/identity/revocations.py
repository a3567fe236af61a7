"""What was revoked, for those who keep tokens' answers; and the list of old that no cloud has any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.listing import links
from iaas.api.identity.rules import SEE_REVOKED
from iaas.api.paging import moment
from iaas.api.route import Route, Rule
from iaas.clock import iso8601_micro
from iaas.errors import Forbidden
from iaas.identity.service import IdentityServices

_START = datetime(1970, 1, 1, tzinfo=UTC)


def list_events(call: Call[IdentityServices]) -> dict[str, Any]:
    """``since``: only what came after that moment."""
    found = call.services.revocation_events(moment(call.query, "since") or _START)
    events = [{event.key: event.id, "issued_before": f"{iso8601_micro(event.at)}Z"} for event in found]
    return {"events": events, "links": links(call)}


def list_revoked(call: Call[IdentityServices]) -> None:
    """Tokens are not kept, so there is no list of them: as published, always refused."""
    raise Forbidden("There is no list of revoked tokens.")


ROUTES = (
    Route("GET", "/v3/OS-REVOKE/events", list_events, policy=Rule("identity:list_revoke_events", SEE_REVOKED)),
    Route("GET", "/v3/auth/tokens/OS-PKI/revoked", list_revoked, policy=Rule("identity:revocation_list", SEE_REVOKED)),
)
