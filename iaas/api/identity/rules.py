"""Check strings that the identity API's rules default to. Everything not named here is the administrator's."""

from __future__ import annotations

# Reading the cloud's identities: the administrator, and who reads the whole system.
SEE = "rule:context_is_admin or (role:reader and system_scope:all)"
# … or the user itself; the target's user_id is the route's.
SEE_OR_SELF = f"{SEE} or user_id:%(user_id)s"
SEE_OR_IN_PROJECT = f"{SEE} or project_id:%(project_id)s"
SEE_OR_IN_DOMAIN = f"{SEE} or project_domain_id:%(domain_id)s or user_domain_id:%(domain_id)s"
# Validating a token: whoever serves others, or the one whose token it is.
TOKEN = f"{SEE} or role:service or user_id:%(user_id)s"
ONLY_SELF = "user_id:%(user_id)s"
ADMIN_OR_SELF = "rule:admin_or_self"
