"""What other services may ask of identity: who is behind a token, and a token for the platform itself."""

from __future__ import annotations

import threading
from contextlib import suppress

from iaas.config.sections import Auth, Keystone
from iaas.context import Context
from iaas.db.engine import Database
from iaas.errors import Unauthenticated
from iaas.identity.bootstrap import SERVICE_PROJECT, SERVICE_USER, Endpoints, bootstrap
from iaas.identity.elsewhere import Elsewhere, chosen
from iaas.identity.service import IdentityServices
from iaas.identity.tickets import PREFIX
from iaas.model.identity.credential import EC2_METHOD
from iaas.model.identity.delegation import ApplicationCredential, Trust
from iaas.model.project import DEFAULT_DOMAIN
from iaas.model.token import Access
from iaas.model.user import Reference

UPLOAD = "image.upload"  # purpose of a ticket whose subject is an image


class IdentityFacade:
    def __init__(self, services: IdentityServices, elsewhere: Elsewhere | None = None) -> None:
        """``elsewhere``: who validates tokens instead."""
        self._services, self._elsewhere = services, elsewhere
        self._lock = threading.Lock()
        self._minted: dict[int, tuple[str, float]] = {}  # service tokens by the life that was asked for

    @classmethod
    def open(cls, database: Database, auth: Auth) -> IdentityFacade:
        """For who needs nothing else of identity, and this cloud's own."""
        return cls(IdentityServices.open(database, auth))

    @classmethod
    def over(cls, services: IdentityServices, auth: Auth, keystone: Keystone) -> IdentityFacade:
        """By ``[auth] strategy``. Raises Invalid for one that lacks its options."""
        return cls(services, chosen(auth, keystone))

    def authenticate(self, token: str) -> Context:
        """The caller behind a token, request id not yet set. Raises Unauthenticated."""
        if self._elsewhere:
            return self._elsewhere.authenticate(token)
        return to_context(self._services.validator.access(token))

    def service_token(self, ttl_s: int = 3600) -> str:
        """A token of the user ``iaas`` on the project ``service``, role ``service``; needs no password. It
        holds now and for at least three quarters of ``ttl_s``: within the first quarter the same one is given again."""
        if self._elsewhere:
            return self._elsewhere.service_token()
        now = self._services.database.clock.monotonic()
        with self._lock:
            token, minted = self._minted.get(ttl_s, ("", float("-inf")))
        if now - minted < ttl_s / 4:
            with suppress(Unauthenticated):
                self._services.validator.access(token)
                return token
        user = Reference(name=SERVICE_USER, domain_id=DEFAULT_DOMAIN)
        project = Reference(name=SERVICE_PROJECT, domain_id=DEFAULT_DOMAIN)
        fresh = self._services.login.mint(user, project, ttl_s).token
        with self._lock:
            self._minted[ttl_s] = (fresh, now)
        return fresh

    def mint_upload_ticket(self, image_id: str, ttl_s: int = 3600) -> str:
        """What a host needs to fill one queued image, and to see it; it opens nothing else."""
        return self._services.tickets.issue(UPLOAD, image_id, ttl_s)

    def authenticate_upload(self, text: str) -> Context:
        """As ``authenticate``, and for upload tickets: the image API's. Raises Unauthenticated."""
        if not text.startswith(PREFIX):
            return self.authenticate(text)
        return Context(request_id="", may_upload=self._services.tickets.open(UPLOAD, text))

    def bootstrap(self, admin_password: str, endpoints: Endpoints, region: str = "RegionOne") -> list[str]:
        """Makes or repairs what a cloud starts with; answers what was changed. May be repeated."""
        return bootstrap(self._services, admin_password, endpoints, region)


def to_context(access: Access) -> Context:
    project, domain, scope = access.project, access.domain, access.claims.scope
    mandate = access.mandate
    credential = mandate if isinstance(mandate, ApplicationCredential) else None
    rules = credential.access_rules if credential else None
    return Context(
        request_id="",
        user_id=access.user.id,
        user_name=access.user.name,
        user_domain_id=access.user.domain_id,
        project_id=project.id if project else None,
        project_name=project.name if project else None,
        project_domain_id=project.domain_id if project else None,
        domain_id=domain.id if domain else None,
        system_scope=scope.id if scope.kind == "system" else None,
        roles=tuple(role.name for role in access.roles),
        application_credential_id=credential.id if credential else None,
        restricted=EC2_METHOD in access.claims.methods or (credential is not None and not credential.unrestricted),
        trust_id=mandate.id if isinstance(mandate, Trust) else None,
        access_rules=None if rules is None else tuple((rule.service, rule.method, rule.path) for rule in rules),
    )
