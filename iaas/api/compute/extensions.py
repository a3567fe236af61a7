"""The list of extensions: fixed since microversions took over, still read by older tools."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ANY, Route, Rule
from iaas.compute.service import Compute
from iaas.errors import NotFound

# alias -> name; what this platform offers of them
_EXTENSIONS = {
    "os-aggregates": "Aggregates",
    "os-availability-zone": "AvailabilityZone",
    "os-console-output": "ConsoleOutput",
    "os-extended-availability-zone": "ExtendedAvailabilityZone",
    "os-extended-server-attributes": "ExtendedServerAttributes",
    "os-extended-status": "ExtendedStatus",
    "os-flavor-access": "FlavorAccess",
    "os-flavor-extra-specs": "FlavorExtraSpecs",
    "os-flavor-manage": "FlavorManage",
    "os-hosts": "Hosts",
    "os-hypervisors": "Hypervisors",
    "os-evacuate": "Evacuate",
    "os-instance-actions": "InstanceActions",
    "os-keypairs": "Keypairs",
    "os-lock-server": "LockServer",
    "os-migrate-server": "MigrateServer",
    "os-migrations": "Migrations",
    "os-multiple-create": "MultipleCreate",
    "os-quota-class-sets": "QuotaClasses",
    "os-quota-sets": "Quotas",
    "os-scheduler-hints": "SchedulerHints",
    "os-server-groups": "ServerGroups",
    "os-server-usage": "ServerUsage",
    "os-services": "Services",
    "os-simple-tenant-usage": "SimpleTenantUsage",
    "os-user-data": "UserData",
}


def _shown(alias: str) -> dict[str, Any]:
    return {
        "alias": alias,
        "name": _EXTENSIONS[alias],
        "description": f"{_EXTENSIONS[alias]} support.",
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
        "links": [],
    }


def list_extensions(call: Call[Compute]) -> dict[str, Any]:
    return {"extensions": [_shown(alias) for alias in _EXTENSIONS]}


def show_extension(call: Call[Compute]) -> dict[str, Any]:
    if call.path["alias"] not in _EXTENSIONS:
        raise NotFound(f"No extension with the alias {call.path['alias'][:64]}.")
    return {"extension": _shown(call.path["alias"])}


_RULE = Rule("os_compute_api:extensions", ANY)
ROUTES = (
    Route("GET", "/v2.1/extensions", list_extensions, policy=_RULE),
    Route("GET", "/v2.1/extensions/<alias>", show_extension, policy=_RULE),
)
