"""What a new cloud is furnished with, made through its public APIs with openstacksdk, as a user would.

Every function looks before it acts, so that it can run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import openstack
from openstack.connection import Connection
from openstack.exceptions import SDKException

from devstack.stack import config, plumbing, processes
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings

FLAVOR, IMAGE, KEY = "m1.nano", "tinyguest", "devstack"


@dataclass(frozen=True)
class Furniture:
    """Ids of what the first instance needs."""

    flavor: str
    image: str
    network: str


def connect(settings: Settings, cloud: str) -> Connection:
    """``cloud`` as in clouds.yaml."""
    return openstack.connect(
        auth=config.accounts(settings)[cloud], region_name=config.REGION, identity_api_version="3",
        load_yaml_config=False, load_envvars=False, app_name="devstack",
    )  # fmt: skip


def beating(connection: Connection) -> set[tuple[str, str]]:
    """(daemon, host) of everybody who is up, as the compute API shows it; nobody while it can't be asked."""
    try:
        found = [(str(item.binary), str(item.host)) for item in connection.compute.services() if item.state == "up"]
    except SDKException:
        return set()
    return {(binary.removeprefix("nova-"), host) for binary, host in found}


def furnish(settings: Settings) -> Furniture:
    """Flavor, image, networks, a demo project with its user, key pairs and security group rules."""
    admin = connect(settings, "devstack")
    try:
        _demo(settings, admin)
        private = _networks(settings, admin)
        flavor = admin.compute.find_flavor(FLAVOR) or admin.compute.create_flavor(
            name=FLAVOR, id="42", ram=128, vcpus=1, disk=1)  # fmt: skip
        found = Furniture(flavor=flavor.id, image=_image(settings, admin), network=private)
        demo = connect(settings, "demo")
        for user in (admin, demo):
            _key(settings, user)
            _open_default_group(user)
        return found
    except SDKException as error:
        raise Failure(f"an API refused: {error}", settings.log("api")) from error


def _demo(settings: Settings, admin: Connection) -> None:
    identity: Any = admin.identity  # typed as either of two versions
    project = identity.find_project("demo") or identity.create_project(name="demo", domain_id="default")
    account = {"name": "demo", "domain_id": "default", "default_project_id": project.id}
    user = identity.find_user("demo") or identity.create_user(**account, password=settings.secrets.demo_password)
    role = identity.find_role("member", ignore_missing=False)
    if not identity.validate_user_has_project_role(project, user, role):
        identity.assign_project_role_to_user(project, user, role)


def _networks(settings: Settings, admin: Connection) -> str:
    """The first network, shared among projects, and the public one. Returns the id of the first one."""
    network, first = admin.network, "first-network" if settings.fleet else "private"
    private = network.find_network(first) or network.create_network(name=first, is_shared=True)
    if not network.find_subnet(f"{first}-subnet"):
        cidr = plumbing.free_subnet(plumbing.taken())
        network.create_subnet(name=f"{first}-subnet", network_id=private.id, ip_version=4, cidr=cidr)
    flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1", "is_default": True}
    public = network.find_network("public") or network.create_network(name="public", is_router_external=True, **flat)
    if not network.find_subnet("public-subnet"):
        outside = plumbing.external(settings)
        lowest, highest = outside.network[10], outside.network[-6]
        network.create_subnet(
            name="public-subnet", network_id=public.id, ip_version=4, cidr=str(outside.network),
            gateway_ip=str(outside.ip), allocation_pools=[{"start": str(lowest), "end": str(highest)}],
        )  # fmt: skip
    if settings.fleet and not network.find_router("first-router"):
        gateway = {"network_id": public.id}
        router = network.create_router(name="first-router", external_gateway_info=gateway)
        network.add_interface_to_router(router, network.find_subnet(f"{first}-subnet", ignore_missing=False).id)
    return str(private.id)


def _image(settings: Settings, admin: Connection) -> str:
    found = admin.image.find_image(IMAGE)
    if found and found.status != "active":  # an upload that was interrupted
        admin.image.delete_image(found.id)
        found = None
    if not found:
        found = admin.image.create_image(
            IMAGE, filename=str(settings.image), disk_format="qcow2", container_format="bare",
            visibility="public", min_disk=1, min_ram=96, wait=True, timeout=120,
        )  # fmt: skip
    return str(found.id)


def _key(settings: Settings, user: Connection) -> None:
    if not settings.key.exists():
        made = ["-t", "ed25519", "-N", "", "-C", "devstack", "-f", str(settings.key)]
        processes.run(["ssh-keygen", "-q", *made])
    if not user.compute.find_keypair(KEY):
        public = settings.key.with_suffix(".pub").read_text().strip()
        user.compute.create_keypair(name=KEY, public_key=public)


def _open_default_group(user: Connection) -> None:
    """ssh and ping from anywhere into the project's default group."""
    group = next(iter(user.network.security_groups(name="default", project_id=user.current_project_id)), None)
    if not group:
        raise Failure("a project has no default security group")
    rules = group.security_group_rules
    present = {(rule["protocol"], rule["port_range_min"], rule["direction"]) for rule in rules}
    wanted: list[dict[str, Any]] = [
        {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        {"protocol": "icmp", "port_range_min": None, "port_range_max": None},
    ]
    for rule in wanted:
        if (rule["protocol"], rule["port_range_min"], "ingress") not in present:
            given = {key: value for key, value in rule.items() if value is not None}
            given |= {"direction": "ingress", "ether_type": "IPv4", "remote_ip_prefix": "0.0.0.0/0"}
            user.network.create_security_group_rule(security_group_id=group.id, **given)
