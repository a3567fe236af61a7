"""/v3/domains/{id}/config: of all that domains elsewhere configure, what users must know to choose a password. There
are no stores of users beside the database here, so nothing else is configured by domain."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ANY, Route, Rule
from iaas.errors import Forbidden, NotFound
from iaas.identity.service import IdentityServices
from iaas.model.project import DEFAULT_DOMAIN

GROUP = "security_compliance"


def show_group(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"config": {GROUP: _shown(call)}}


def show_option(call: Call[IdentityServices]) -> dict[str, Any]:
    shown, option = _shown(call), call.path["option"]
    if option not in shown:
        raise Forbidden(f"Invalid domain specific configuration: the option {GROUP}.{option} is not shown.")
    return {"config": {option: shown[option]}}


def _shown(call: Call[IdentityServices]) -> dict[str, str | None]:
    """The same for all domains, and asked of the default one, as published."""
    if call.path["group"] != GROUP:
        raise NotFound.of("domain_configuration", call.path["group"])
    if call.path["domain_id"] != DEFAULT_DOMAIN:
        raise Forbidden(f"Invalid domain specific configuration: {GROUP} is shown for the default domain only.")
    rules = call.services.password_rules.rules
    return {
        "password_regex": rules.password_regex or None,
        "password_regex_description": rules.password_regex_description or None,
    }


_ONE = "/v3/domains/<domain_id>/config/<group>"
_SHOW = Rule("identity:get_security_compliance_domain_config", ANY)
ROUTES = (
    Route("GET", _ONE, show_group, policy=_SHOW),
    Route("GET", f"{_ONE}/<option>", show_option, policy=_SHOW),
)
