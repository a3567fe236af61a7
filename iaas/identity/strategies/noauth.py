"""No authentication at all, for tests: the token says who asks, ``user:project``; the user ``admin`` is one (A-107).

Refused by the composition roots unless every API listens on loopback only.
"""

from __future__ import annotations

import logging
import re

from iaas.config.sections import Keystone
from iaas.context import Context
from iaas.errors import Unauthenticated

log = logging.getLogger(__name__)

_TEXT = re.compile(r"([A-Za-z0-9_-]{1,64}):([A-Za-z0-9_-]{1,64})")
_MEMBER = ("member", "reader")


class NoAuth:
    def __init__(self, options: Keystone) -> None:
        log.critical("[auth] strategy = noauth: EVERYBODY WHO REACHES THIS API IS WHO THEY SAY. For tests only.")

    def authenticate(self, token: str) -> Context:
        found = _TEXT.fullmatch(token)
        if found is None:
            raise Unauthenticated("The request you have made requires authentication.")
        user, project = found.groups()
        roles = {"admin": ("admin", "manager", *_MEMBER), "service": ("service",)}.get(user, _MEMBER)
        return Context(
            request_id="", user_id=user, user_name=user, user_domain_id="default", project_id=project,
            project_name=project, project_domain_id="default", roles=roles,
        )  # fmt: skip

    def service_token(self) -> str:
        return "service:service"


PLUGIN = NoAuth
