"""Policy rules of single attributes, under their published names, and their enforcement.

An attribute that has a rule can't be written without it, whatever the value: setting it to its default is also a
change. On creation the default itself may be spelled out. ``Policy.of_routes(routes, RULES)`` registers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, MEMBER, Rule
from iaas.model.network import Network
from iaas.network.service import NetworkServices

Services = Call[NetworkServices]
_PROVIDER = ("provider:network_type", "provider:physical_network", "provider:segmentation_id")
_BINDING = ("binding:host_id", "binding:profile")
_OF_OPERATOR = ("shared", "router:external", "is_default", *_PROVIDER)
_SHOWN_BINDING = (*_BINDING, "binding:vif_type", "binding:vif_details")
_GATEWAY = {"": MEMBER, ":network_id": MEMBER, ":enable_snat": ADMIN, ":external_fixed_ips": ADMIN}
# The target of these is the network: its owner may.
_OF_NETWORK_OWNER = (
    "mac_address", "fixed_ips:ip_address", "port_security_enabled", "allowed_address_pairs",
)  # fmt: skip

RULES = (
    *(Rule(f"{verb}_network:{name}", ADMIN) for verb in ("create", "update") for name in _OF_OPERATOR),
    *(Rule(f"{verb}_network:port_security_enabled", MEMBER) for verb in ("create", "update")),
    *(Rule(f"get_network:{name}", ADMIN) for name in _PROVIDER),
    *(Rule(f"{verb}_port:{name}", ADMIN) for verb in ("create", "update") for name in _BINDING),
    *(Rule(f"{verb}_port:{name}", MEMBER) for verb in ("create", "update") for name in _OF_NETWORK_OWNER),
    *(Rule(f"{verb}_port:device_owner", MEMBER) for verb in ("create", "update")),
    *(Rule(f"{verb}_router:external_gateway_info{part}", persona) for verb in ("create", "update")
      for part, persona in _GATEWAY.items()),
    # Not published, where whoever may look has it made (decision 31).
    Rule("create_auto_allocated_topology", MEMBER),
    Rule("create_floatingip:floating_ip_address", ADMIN),
    *(Rule(f"get_port:{name}", ADMIN) for name in _SHOWN_BINDING),
)  # fmt: skip
_NAMES = frozenset(rule.name for rule in RULES)


def enforce(call: Services, action: str, attributes: Iterable[str], target: Mapping[str, Any]) -> None:
    """Checks the rule of each attribute that has one. Raises Forbidden."""
    for attribute in attributes:
        name = f"{action}:{attribute}"
        if name in _NAMES:
            call.enforce(name, target)


def explicit(item: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """The attributes of a new object that differ from their defaults."""
    return [name for name, value in item.items() if name not in defaults or value != defaults[name]]


def owned_by(project_id: str) -> dict[str, str]:
    """The target of a rule on an object of that project."""
    return {"project_id": project_id, "tenant_id": project_id}


def of_network(network: Network) -> dict[str, str]:
    """The target of a rule that the network's owner passes."""
    project = network.project_id
    return {**owned_by(project), "network:project_id": project, "network:tenant_id": project}


def hidden(call: Services, noun: str) -> frozenset[str]:
    """Attributes of the noun that the caller may neither see, nor filter nor sort by."""
    prefix = f"get_{noun}:"
    return frozenset(name.removeprefix(prefix) for name in _NAMES if name.startswith(prefix) and not call.allows(name))
