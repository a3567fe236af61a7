"""Identity that is not ours: the interface of the strategies beside ``local``, and the choice among them."""

from __future__ import annotations

from typing import Protocol, cast

from iaas import plugins
from iaas.config.sections import Auth, Keystone
from iaas.context import Context

LOCAL = "local"


class Elsewhere(Protocol):
    def authenticate(self, token: str) -> Context:
        """The caller behind a token, request id not yet set. Raises Unauthenticated; Unavailable when nobody can say
        now."""

    def service_token(self) -> str:
        """A token of the platform itself, with the role ``service``. Raises Unavailable."""


def chosen(auth: Auth, keystone: Keystone) -> Elsewhere | None:
    """None for ``local``. Raises Invalid for a strategy that does not exist or lacks its options."""
    if auth.strategy == LOCAL:
        return None
    plugin = plugins.load("iaas.identity.strategies", auth.strategy)
    return cast(Elsewhere, plugin(keystone))
