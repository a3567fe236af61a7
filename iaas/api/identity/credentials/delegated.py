"""What an unrestricted application credential makes is bound to it; restricted and delegated tokens make nothing: their
routes are guarded (S-036)."""

from __future__ import annotations

from collections.abc import Mapping

from iaas.api.call import Call
from iaas.errors import Forbidden
from iaas.identity.service import IdentityServices


def bound_by(call: Call[IdentityServices], project_id: str | None) -> Mapping[str, str]:
    """What a credential for this project is bound to when this token makes it; empty for the token of a login.

    Raises Forbidden for another project than the application credential's.
    """
    caller = call.context
    if caller.application_credential_id is None:
        return {}
    if project_id not in (None, caller.project_id):
        raise Forbidden("An application credential can't make a credential for another project.")
    return {"app_cred_id": caller.application_credential_id}
