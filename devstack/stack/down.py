"""devstack/down: removes what a stack made, in an order in which nothing is made again, also after kill -9."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from devstack.stack import config, fleet, hypervisor, keepers, leftovers, plumbing, processes
from devstack.stack.programs import SUPERVISED
from devstack.stack.say import step
from devstack.stack.settings import Settings


def down(settings: Settings) -> None:
    """Raises Failure if something can't be removed; a second call goes on from there."""
    if settings.fleet:
        fleet.down(settings)
        return
    manager = keepers.choose(settings)
    with step("instances and daemons"):
        if manager.is_up(settings):
            manager.stop(settings, SUPERVISED)
            if hypervisor.answers(settings):
                hypervisor.destroy_all(settings)
        manager.shutdown(settings)
        processes.end(leftovers.find(settings))
    with step("namespaces, bridges, filter tables"):
        if settings.netns:
            processes.end(_inside(settings))
            if plumbing.namespace_path(settings).exists():
                processes.run(["ip", "netns", "delete", settings.netns])
        else:
            _network(settings)
    with step("files"):
        hypervisor.forget(settings)
        config.remove(settings)
        shutil.rmtree(settings.state)


def _inside(settings: Settings) -> list[int]:
    """Processes in the stack's network namespace."""
    said = processes.run(["ip", "netns", "pids", settings.netns], check=False)
    return [int(word) for word in said.split() if word.isdigit()]


def networks(settings: Settings) -> list[str]:
    """Ids of the networks that the agent of this stack has wired: it keeps a directory for each."""
    return [path.name for path in (settings.state / "network").glob("*-*-*-*-*") if path.is_dir()]


def _network(settings: Settings) -> None:
    """On a machine's own network: what carries the name of a network of this stack, and br-ex if it is ours."""
    for network in networks(settings):
        namespace = f"qdhcp-{network}"
        if (Path("/run/netns") / namespace).exists():
            processes.run(["ip", "netns", "delete", namespace])
        _delete_link(f"brq{network[:11]}")
    plumbing.remove_bridge(settings)
    for table in json.loads(processes.run(["nft", "-j", "list", "tables"]) or "{}").get("nftables", []):
        entry = table.get("table")
        if entry and entry["name"] == f"iaas_{config.FILTER_MARK}":
            processes.run(["nft", "delete", "table", entry["family"], entry["name"]])


def _delete_link(name: str) -> None:
    if (Path("/sys/class/net") / name).exists():
        processes.run(["ip", "link", "delete", name])
