"""Groups and who is in them."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ID, NAME, entity, filters, home_domain, values
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import (
    LIST_IN_DOMAIN,
    MANAGE_GROUP,
    MANAGE_MEMBERSHIP,
    SEE_GROUP,
    SEE_MEMBERSHIP,
    SEE_USER,
)
from iaas.api.identity.targets import made, named, within
from iaas.api.route import Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.user import Group

_FIELDS = {"name": NAME, "domain_id": ID, "description": DESCRIPTION}
CREATE = entity("group", _FIELDS, ("name",))
UPDATE = entity("group", _FIELDS)


def show_group(call: Call[Any], group: Group) -> dict[str, Any]:
    fields = {"name": group.name, "domain_id": group.domain_id, "description": group.description or ""}
    return shown(call, "groups", group, fields)


def list_groups(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = within(call, filters(call, "name", "domain_id"))
    return paged(call, "groups", partial(call.services.groups.page, equals), show_group)


def list_user_groups(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = within(call, filters(call, "name", "domain_id"))
    return paged(call, "groups", partial(call.services.groups.of_user, call.path["user_id"], equals), show_group)


def get_group(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"group": show_group(call, call.services.groups.get(call.path["group_id"]))}


def create_group(call: Call[IdentityServices]) -> dict[str, Any]:
    given = {"domain_id": home_domain(call), **values(call.body["group"], _FIELDS)}
    return {"group": show_group(call, call.services.groups.create(Group(id=new_hex(), **given)))}


def update_group(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = values(call.body["group"], _FIELDS)
    return {"group": show_group(call, call.services.groups.update(call.path["group_id"], changes))}


def delete_group(call: Call[IdentityServices]) -> None:
    call.services.groups.delete(call.path["group_id"])


def add_member(call: Call[IdentityServices]) -> None:
    call.services.groups.add(call.path["group_id"], call.path["user_id"])


def check_member(call: Call[IdentityServices]) -> None:
    call.services.groups.check(call.path["group_id"], call.path["user_id"])


def remove_member(call: Call[IdentityServices]) -> None:
    call.services.groups.remove(call.path["group_id"], call.path["user_id"])


_ALL, _ONE = "/v3/groups", "/v3/groups/<group_id>"
_MEMBER = f"{_ONE}/users/<user_id>"
_OF_USER = "/v3/users/<user_id>/groups"
_LIST_OF_USER = Rule("identity:list_groups_for_user", SEE_USER)
_ADD = Rule("identity:add_user_to_group", MANAGE_MEMBERSHIP)
_REMOVE = Rule("identity:remove_user_from_group", MANAGE_MEMBERSHIP)
_CHECK = Rule("identity:check_user_in_group", SEE_MEMBERSHIP)
ROUTES = (
    Route("GET", _ALL, list_groups, policy=Rule("identity:list_groups", LIST_IN_DOMAIN), about=named),
    Route("POST", _ALL, create_group, policy=Rule("identity:create_group", MANAGE_GROUP), about=made("group"),
          body=CREATE, status=201),
    Route("GET", _ONE, get_group, policy=Rule("identity:get_group", SEE_GROUP), about=named),
    Route("PATCH", _ONE, update_group, policy=Rule("identity:update_group", MANAGE_GROUP), about=named, body=UPDATE),
    Route("DELETE", _ONE, delete_group, policy=Rule("identity:delete_group", MANAGE_GROUP), about=named, status=204),
    Route("PUT", _MEMBER, add_member, policy=_ADD, about=named, status=204),
    Route("GET", _MEMBER, check_member, policy=_CHECK, about=named, target=("user_id",), status=204),
    Route("DELETE", _MEMBER, remove_member, policy=_REMOVE, about=named, status=204),
    Route("GET", _OF_USER, list_user_groups, policy=_LIST_OF_USER, about=named, target=("user_id",)),
)  # fmt: skip
