"""Which host does what: every layout is complete, and no host is told to do what only one may."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path

import pytest

from devstack.stack import config, layouts, settings, switch
from devstack.stack.failure import Failure
from devstack.stack.layouts import BROKER, COMPUTE, CONTROL, DATABASE, LAYOUTS, NETWORK, ROLES, VOLUME, lay_out
from devstack.stack.programs import DAEMONS, SUPERVISED, programs
from devstack.stack.settings import Fleet, Settings


def fleet(layout: str = "controller", count: int = 3, controllers: int = 1) -> Settings:
    hosts = lay_out(layout, count, controllers)
    made = Fleet(layout=layout, management="10.1.2.0/24", external="10.3.4.0/24", hosts=hosts)
    return settings.make(Path("/tmp/iaas-layouts/state"), None, None, made)


@pytest.mark.parametrize("count", [4, 7])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_has_each_role_and_all_daemons_a018(layout: str, count: int) -> None:
    stack = fleet(layout, count)
    assert stack.fleet and len(stack.fleet.hosts) == count
    assert {role for host in stack.fleet.hosts for role in host.roles} == set(ROLES)
    run = [program.name for host in stack.every_host for program in programs(host) if program.group == SUPERVISED]
    assert set(run) == {*DAEMONS, "console"}
    assert {name for name in run if run.count(name) > 1} <= {"compute", "network"}
    for role in (DATABASE, CONTROL, NETWORK, VOLUME):
        assert len(stack.fleet.having(role)) == 1


@pytest.mark.parametrize(
    ("layout", "count", "expected"),
    [
        ("controller", 2, ["controller: control network volume", "compute1: compute"]),
        ("controller", 3, ["controller: control network volume", "compute1: compute", "compute2: compute"]),
        (
            "network-node", 4,
            ["controller: control", "compute1: compute", "compute2: compute", "network1: network volume"],
        ),
        (
            "separate", 4,
            ["controller: control", "compute1: compute", "network1: network", "volume1: volume"],
        ),
    ],
)  # fmt: skip
def test_the_layouts_of_the_guides(layout: str, count: int, expected: list[str]) -> None:
    found = lay_out(layout, count)
    hidden = {BROKER, DATABASE}
    assert [f"{host.name}: {' '.join(role for role in host.roles if role not in hidden)}" for host in found] == expected


def test_agents_are_on_the_controller_or_on_a_network_node_a026() -> None:
    def roles(layout: str) -> dict[str, tuple[str, ...]]:
        return {host.name: host.network_roles for host in lay_out(layout, 3)}

    assert roles("controller")["controller"] == ("controller", "agent")
    assert roles("network-node") == {"controller": ("controller",), "compute1": ("l2",), "network1": ("agent",)}


@pytest.mark.parametrize(
    ("layout", "count"), [("controller", 1), ("network-node", 2), ("separate", 3), ("controller", 0)]
)
def test_a_layout_with_too_few_hosts_is_refused_in_words(layout: str, count: int) -> None:
    with pytest.raises(Failure, match=f"the layout {layout} is for"):
        lay_out(layout, count)


def test_a_host_that_joins_gets_a_name_and_an_address_of_its_own() -> None:
    hosts = lay_out("controller", 3)
    joined = layouts.joining(hosts, "compute9", ())
    assert joined.roles == (COMPUTE,)
    assert joined.offset not in {host.offset for host in hosts}
    with pytest.raises(Failure, match="already"):
        layouts.joining(hosts, "compute1", ())
    with pytest.raises(Failure, match="at most 12"):
        layouts.joining(hosts, "Compute_With_A_Long_Name", ())


def test_the_file_is_the_same_for_every_host_and_names_none_of_their_directories_a010() -> None:
    stack = fleet("separate", 5)
    text = config.iaas_conf(stack)
    assert all(host.config == Path("/etc/iaas/iaas.conf") for host in stack.every_host)
    controller, *others = stack.every_host
    assert controller.address in text
    assert not any(host.address in text for host in others)
    for told in (f"stack in {stack.state}", str(stack.wishes)):  # where this file came from
        text = text.replace(told, "")
    assert "/tmp" not in text


def test_a_second_controller_has_all_but_the_database_and_its_broker_is_in_the_file_a014() -> None:
    stack = fleet("controller", 3, controllers=2)
    assert stack.fleet and [host.name for host in stack.fleet.hosts] == [
        "controller",
        "controller2",
        "compute1",
        "compute2",
    ]
    first, second, *_ = stack.every_host
    run = [{program.name for program in programs(host)} for host in (first, second)]
    assert run[0] - run[1] == {"postgresql", "volume"}
    assert run[1] <= run[0]
    options = config.sections(stack)
    assert [f"@{host.address}:5672/" in options["bus"]["urls"] for host in stack.every_host] == [
        True,
        True,
        False,
        False,
    ]
    assert options["api"]["compute_listen"] == "0.0.0.0:8774/"
    assert options["api"]["public_host"] == first.address


def test_names_of_two_fleets_differ_and_fit_the_kernel() -> None:
    one = fleet()
    other = dataclasses.replace(one, state=Path("/tmp/iaas-layouts/other"))
    assert not set(switch.namespaces(one)) & set(switch.namespaces(other))
    assert not set(switch.devices(one).values()) & set(switch.devices(other).values())
    assert all(len(name) <= 15 for name in switch.devices(one).values())


def test_the_networks_of_a_fleet_are_private_and_those_of_its_kinds_are_apart() -> None:
    management, external = (
        [ipaddress.IPv4Network(text) for text in switch._ranges(kind, Path("/tmp/x"))] for kind in (0, 1)
    )
    assert all(network.is_private for network in (*management, *external))
    assert not any(one.overlaps(other) for one in management for other in external)


def test_several_hosts_have_postgresql_and_addresses_of_their_own(tmp_path: Path) -> None:
    wanted = fleet().fleet
    with pytest.raises(Failure, match="no --port-base, no sqlite"):
        settings.make(Path("/tmp/a/b"), "sqlite", None, wanted)
    with pytest.raises(Failure, match="at most 60 characters"):
        settings.make(Path("/tmp") / ("x" * 70), None, None, wanted)
    stack = settings.make(Path("/tmp/a/b"), None, None, wanted)
    assert settings.parse(settings.dump(stack)) == stack
    assert len(f"{stack.every_host[-1].state}/run/supervisor.sock") <= 107
