"""The JSON home document: every resource under its published relation, for clients that look paths up by meaning.

Made from the route table. Most relations follow from the path (``/users/{user_id}/groups`` is ``user_groups``,
``/groups/{group_id}`` is ``group``, both below the extension that a path names); the others are listed.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from iaas.api.route import collect

MEDIA_TYPE = "application/json-home"
_BASE = "https://docs.openstack.org/api/openstack-identity/3"
_VARIABLE = re.compile(r"<(\w+)>")
_ASSOCIATION = "/policies/{policy_id}/OS-ENDPOINT-POLICY"
_GROUP = "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}"
_NAMES = {
    "/auth/tokens/OS-PKI/revoked": "revocations",
    "/domains/{domain_id}/config/{group}": "domain_config_group",
    "/domains/{domain_id}/config/{group}/{option}": "domain_config_option",
    "/limits/model": "limit_model",
    "/roles/{prior_role_id}/implies": "implied_roles",
    "/roles/{prior_role_id}/implies/{implied_role_id}": "implied_role",
    "/users/{user_id}/password": "user_change_password",
    "/users/{user_id}/access_rules": "access_rules",
    "/users/{user_id}/access_rules/{access_rule_id}": "access_rule",
    "/users/{user_id}/application_credentials": "application_credentials",
    "/users/{user_id}/application_credentials/{application_credential_id}": "application_credential",
    f"{_ASSOCIATION}/endpoints/{{endpoint_id}}": "endpoint_policy_association",
    f"{_ASSOCIATION}/services/{{service_id}}": "service_policy_association",
    f"{_ASSOCIATION}/services/{{service_id}}/regions/{{region_id}}": "region_and_service_policy_association",
    f"{_GROUP}/endpoints": "endpoints_in_endpoint_group",
    f"{_GROUP}/projects": "projects_associated_with_endpoint_group",
    f"{_GROUP}/projects/{{project_id}}": "endpoint_group_to_project_association",
}
_EXTENSIONS = {"/ec2tokens": "OS-EC2", "/s3tokens": "s3tokens"}
_PARAMETERS = {
    "access": "ext/OS-EC2/1.0/param/credential_id",
    "endpoint_group_id": "ext/OS-EP-FILTER/1.0/param/endpoint_group_id",
    "group": "param/config_group",
    "implied_role_id": "param/role_id",
    "option": "param/config_option",
    "prior_role_id": "param/role_id",
    "tag": "param/tag_value",
    "trust_id": "ext/OS-TRUST/1.0/param/trust_id",
}


@cache
def document(prefix: str) -> dict[str, Any]:
    """The whole document; ``prefix``: what comes before the paths, which start below the version."""
    paths = (_VARIABLE.sub(r"{\1}", route.path) for route in collect("iaas.api.identity"))
    below = sorted({path.removeprefix("/v3") for path in paths if path.startswith("/v3/")})
    return {"resources": {_relation(path): _resource(prefix, path) for path in below}}


def _relation(path: str) -> str:
    extension = _EXTENSIONS.get(path) or next((part for part in path.split("/") if part.startswith("OS-")), None)
    below = f"/ext/{extension}/1.0" if extension else ""
    return f"{_BASE}{below}/rel/{_NAMES.get(path) or _name(path)}"


def _name(path: str) -> str:
    """The path's words, in the singular where one of them is chosen."""
    parts = [part for part in path.split("/") if part and not part.startswith("OS-")]
    pairs = zip(parts, [*parts[1:], ""], strict=True)
    return "_".join(_one(part) if after.startswith("{") else part for part, after in pairs if not part.startswith("{"))


def _one(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _resource(prefix: str, path: str) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path)
    if not names:
        return {"href": prefix + path}
    return {"href-template": prefix + path,
            "href-vars": {name: f"{_BASE}/{_PARAMETERS.get(name, f'param/{name}')}" for name in names}}  # fmt: skip
