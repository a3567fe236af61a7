"""What a delegated token may do to credentials, which could outlive the delegation (S-036)."""

from __future__ import annotations

from collections.abc import Mapping

from iaas.api.call import Call
from iaas.errors import Forbidden
from iaas.identity.service import IdentityServices


def bound_by(call: Call[IdentityServices], project_id: str | None) -> Mapping[str, str]:
    """What a credential that this token makes is bound to; empty for the token of a login.

    Raises Forbidden for a token that may not make, change or take away what would log in.
    """
    caller = call.context
    if caller.restricted or caller.trust_id:
        raise Forbidden("A restricted or delegated token can't manage credentials.")
    if caller.application_credential_id is None:
        return {}
    if project_id not in (None, caller.project_id):
        raise Forbidden("An application credential can't make a credential for another project.")
    return {"app_cred_id": caller.application_credential_id}
