"""The first instance: launched once, watched until it runs, and what to try next."""

from __future__ import annotations

import time
from typing import Any

from openstack.exceptions import SDKException

from devstack.stack import cloud, files, host_commands, supervisor
from devstack.stack.cloud import Furniture
from devstack.stack.failure import Failure
from devstack.stack.say import Line
from devstack.stack.settings import Settings

NAME = "first-instance"
_OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"  # of ssh: guests come and go
_PATIENCE = 300  # seconds; a busy machine without KVM needs a tenth of that


def launch(settings: Settings, furniture: Furniture) -> None:
    """Launches it unless an earlier run has brought it up, and shows how far it is.

    Raises Failure if it ends in ERROR.
    """
    marker = settings.state / "first-instance"
    connection = cloud.connect(settings, "devstack")
    try:
        server = connection.compute.find_server(NAME)
        if marker.exists():  # who has deleted it since doesn't want it back
            _tell(settings, server, furniture)
            return
        if server and server.status == "ERROR":  # left by an earlier run
            connection.compute.delete_server(server.id)
            connection.compute.wait_for_delete(server, interval=1, wait=120)
            server = None
        server = server or connection.compute.create_server(
            name=NAME, flavor_id=furniture.flavor, image_id=furniture.image, key_name=cloud.KEY,
            networks=[{"uuid": furniture.network}])  # fmt: skip
        server = _watch(settings, connection, str(server.id))
        if settings.fleet:
            _float(connection, server)
            server = connection.compute.get_server(server.id)
    except SDKException as error:
        raise Failure(f"{NAME} could not be launched: {error}", settings.log("api")) from error
    files.write(marker, f"{server.id}\n")
    _tell(settings, server, furniture)


def _watch(settings: Settings, connection: Any, server_id: str) -> Any:
    line, began, seen = Line(), time.monotonic(), ""
    while True:
        server = connection.compute.get_server(server_id)
        state = f"{server.status} {server.task_state or ''}".strip()
        seconds = time.monotonic() - began
        line.show(f"  {NAME}: {state} {seconds:.0f} s", passing=state == seen)
        seen = state
        if server.status == "ACTIVE":
            line.end(f"  {NAME + ' is ACTIVE':<42} {seconds:6.1f} s")
            return server
        if server.status == "ERROR":
            line.end(f"  {NAME}: ERROR")
            reason = (server.fault or {}).get("message", "no reason given")
            raise Failure(f"{NAME} ended in ERROR: {reason}", settings.log("conductor"))
        if seconds > _PATIENCE:
            line.end(f"  {NAME}: {state}")
            raise Failure(f"{NAME} is not ACTIVE after {_PATIENCE} seconds ({state})", settings.log("conductor"))
        time.sleep(0.5)


def _float(connection: Any, server: Any) -> None:
    """A floating address, by which the machine reaches the instance."""
    port = next(iter(connection.network.ports(device_id=server.id)))
    if not next(iter(connection.network.ips(port_id=port.id)), None):
        public = connection.network.find_network("public")
        connection.network.create_ip(floating_network_id=public.id, port_id=port.id)


def addresses(server: Any) -> list[str]:
    """``network=address`` of each fixed address."""
    return [f"{name}={entry['addr']}" for name, entries in (server.addresses or {}).items() for entry in entries]


def _tell(settings: Settings, server: Any, furniture: Furniture) -> None:
    if not server:
        print(f"\nThe cloud is up. {NAME} was deleted.")
        return
    found = addresses(server)
    if settings.fleet:
        _tell_of_hosts(settings, server, found)
        return
    inside = supervisor.inside(settings)
    where = f" OS_CLIENT_CONFIG_FILE={settings.home}/clouds.yaml" if settings.netns else ""
    reach = found[0].split("=")[1] if found else "ADDRESS"
    print(f"\n{NAME} has {', '.join(found) or 'no address'}. Try next:\n")
    print(f"  export OS_CLOUD=devstack{where} PATH={settings.bin}:$PATH; {inside}openstack server list")
    print(f"  {inside}openstack console log show {NAME}")
    print(f"  {inside}ip netns exec qdhcp-{furniture.network} ssh {_OPTIONS} "
          f"-i {settings.key} tiny@{reach}")  # fmt: skip


def _tell_of_hosts(settings: Settings, server: Any, found: list[str]) -> None:
    state = f" --state {settings.state}" if settings.tag else ""
    print(f"\n{NAME} has {', '.join(found) or 'no address'}, on {server.compute_host}. The hosts:\n")
    print(host_commands.listing(settings))
    print(f"\nTry next:\n\n  . {settings.openrc}; PATH={settings.bin}:$PATH")
    print("  openstack server list; openstack hypervisor list; openstack network agent list")
    print(f"  devstack/host run{state} {server.compute_host} virsh list")
    if len(found) > 1:
        print(f"  ssh {_OPTIONS} -i {settings.key} tiny@{found[-1].split('=')[1]}")
    print(f"  devstack/host add{state} compute9; devstack/host --help")
