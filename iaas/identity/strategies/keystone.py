"""An external identity service: it says over HTTP whose a token is; its answers are remembered for a moment (A-107).

keystoneauth speaks the protocol: discovery, our own login and its renewal, the meaning of the answer. It is imported
with this file, which no cloud with identities of its own loads.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from keystoneauth1 import access, exceptions, plugin
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from iaas.config.sections import Keystone as Options
from iaas.context import Context
from iaas.errors import Invalid, Unauthenticated, Unavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
CAPACITY = 4096
MAX_LENGTH = 8192  # of a token
REFUSED = "The request you have made requires authentication."
_PATH = "/auth/tokens?nocatalog"
_WHERE = {"interface": plugin.AUTH_INTERFACE, "version": (3, 0)}


@dataclass(frozen=True)
class _Known:
    until: float  # monotonic
    expires_at: datetime | None
    caller: Context | None  # None: it was refused


class Keystone:
    """Thread-safe. The memory is bounded and keyed by a digest, so that it holds no token."""

    def __init__(self, options: Options) -> None:
        """Makes no connection yet. Raises Invalid without a URL and a password."""
        if not options.auth_url or not options.password:
            raise Invalid("[auth] strategy = keystone needs [keystone] auth_url and password", field="auth_url")
        login = v3.Password(
            auth_url=options.auth_url, username=options.username, password=options.password,
            user_domain_name=options.user_domain, project_name=options.project,
            project_domain_name=options.project_domain, include_catalog=False,
        )  # fmt: skip
        self._session = Session(auth=login, verify=options.ca_file or True, timeout=TIMEOUT_S, user_agent="iaas")
        self._fresh = max(0.0, options.cache_time)
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def authenticate(self, token: str) -> Context:
        if not token.isascii() or not token.isprintable() or len(token) > MAX_LENGTH:
            raise Unauthenticated(REFUSED)
        key = hashlib.sha256(token.encode()).digest()
        started = time.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known is None or started >= known.until:
            known = self._asked(token, started + self._fresh)
            self._remember(key, known)
        if known.caller is None or (known.expires_at and datetime.now(UTC) >= known.expires_at):
            raise Unauthenticated(REFUSED)
        return known.caller

    def service_token(self) -> str:
        try:
            return str(self._session.get_token() or "")
        except exceptions.ClientException as error:
            raise _unavailable(error) from None

    def _asked(self, token: str, until: float) -> _Known:
        """What the external service says of the token. Raises Unavailable."""
        headers = {"X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1"}
        try:
            answer = self._session.get(_PATH, endpoint_filter=_WHERE, headers=headers, redirect=False)
            found = access.create(resp=answer)
            return _Known(until, found.expires, to_context(found, answer.json()["token"].get("application_credential")))
        except exceptions.NotFound:
            return _Known(until, None, None)
        except (exceptions.ClientException, ValueError, KeyError) as error:
            raise _unavailable(error) from None

    def _remember(self, key: bytes, known: _Known) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = known
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)


def to_context(found: Any, credential: Mapping[str, Any] | None) -> Context:
    """``credential``: the application credential that the token was made with."""
    rules = credential.get("access_rules") if credential else None
    parts = ("service", "method", "path")
    return Context(
        request_id="",
        user_id=found.user_id,
        user_name=found.username,
        user_domain_id=found.user_domain_id,
        project_id=found.project_id,
        project_name=found.project_name,
        project_domain_id=found.project_domain_id,
        domain_id=found.domain_id,
        system_scope="all" if found.system_scoped else None,
        roles=tuple(found.role_names),
        application_credential_id=credential["id"] if credential else None,
        restricted=bool(credential and credential.get("restricted")),
        trust_id=found.trust_id,
        access_rules=None if rules is None else tuple(tuple(map(rule.get, parts)) for rule in rules),
    )


def _unavailable(error: Exception) -> Unavailable:
    log.error("the external identity service does not answer as it should: %s", error)
    return Unavailable("The identity service can't be asked now.")


PLUGIN = Keystone
