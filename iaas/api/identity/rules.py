"""Check strings that the identity API's rules default to. Everything not named here is the administrator's.

What is compared with ``target.…`` needs the route's ``about`` (targets.py): the manager of a domain manages what is in
it, and gives no role above its own; its reader reads it.
"""

from __future__ import annotations

_ADMIN = "rule:context_is_admin"
# Reading the cloud's identities: the administrator, and who reads the whole system.
SEE = f"{_ADMIN} or (role:reader and system_scope:all)"
# … or the user itself; the target's user_id is the route's.
SEE_OR_SELF = f"{SEE} or user_id:%(user_id)s"
_AT_HOME = " or ".join(f"{kind}domain_id:%(domain_id)s" for kind in ("project_", "user_", ""))
SEE_OR_IN_DOMAIN = f"{SEE} or {_AT_HOME}"
# Validating a token: whoever serves others, or the one whose token it is.
TOKEN = f"{SEE} or role:service or user_id:%(user_id)s"
# Ending one: it takes more than being allowed to read.
END_TOKEN = f"{_ADMIN} or user_id:%(user_id)s"
ONLY_SELF = "user_id:%(user_id)s"
ADMIN_OR_SELF = "rule:admin_or_self"

# Domains: who reads one, and who manages it.
_USER, _GROUP = "domain_id:%(target.user.domain_id)s", "domain_id:%(target.group.domain_id)s"
_PROJECT, _DOMAIN = "domain_id:%(target.project.domain_id)s", "domain_id:%(target.domain.id)s"
LIST_IN_DOMAIN = f"{SEE} or (role:reader and domain_id:%(target.domain_id)s)"
SEE_USER = f"{SEE} or (role:reader and {_USER}) or user_id:%(user_id)s"
SEE_GROUP = f"{SEE} or (role:reader and {_GROUP})"
SEE_PROJECT = f"{SEE} or (role:reader and {_PROJECT}) or project_id:%(project_id)s"
SEE_MEMBERSHIP = f"{SEE} or (role:reader and {_GROUP} and {_USER}) or user_id:%(user_id)s"
SEE_ROLES = f"{SEE} or (role:manager and domain_id:%(target.domain_id)s)"
MANAGE_USER = f"{_ADMIN} or (role:manager and {_USER})"
MANAGE_GROUP = f"{_ADMIN} or (role:manager and {_GROUP})"
MANAGE_PROJECT = f"{_ADMIN} or (role:manager and {_PROJECT})"
MANAGE_MEMBERSHIP = f"{_ADMIN} or (role:manager and {_GROUP} and {_USER})"

_ENDS = f"(({_USER} or {_GROUP}) and ({_PROJECT} or {_DOMAIN}))"
_ROLE = "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
LIST_GRANTS = f"{SEE} or (role:reader and {_ENDS})"
SEE_ROLE = f"{SEE} or (role:manager and domain_id:%(target.domain_id)s and {_ROLE})"
SEE_GRANT = f"{SEE} or (role:reader and {_ENDS} and {_ROLE})"
MANAGE_GRANT = f"{_ADMIN} or (role:manager and {_ENDS} and {_ROLE} and rule:domain_managed_target_role)"
# A trust: for the two that it is between, as published.
_TRUSTOR, _TRUSTEE = "user_id:%(target.trust.trustor_user_id)s", "user_id:%(target.trust.trustee_user_id)s"
SEE_TRUST = f"{SEE} or {_TRUSTOR} or {_TRUSTEE}"
SEE_GIVEN, SEE_RECEIVED = f"{SEE} or {_TRUSTOR}", f"{SEE} or {_TRUSTEE}"
END_TRUST = f"rule:context_is_admin or {_TRUSTOR}"
MAKE_TRUST = _TRUSTOR
# A credential: its user's, as published.
_KEEPER = "user_id:%(target.credential.user_id)s"
SEE_CREDENTIAL = f"{SEE} or {_KEEPER}"
CHANGE_CREDENTIAL = f"{_ADMIN} or {_KEEPER}"
# What was revoked: for services, which may keep what they were told about a token.
SEE_REVOKED = f"{SEE} or role:service"
