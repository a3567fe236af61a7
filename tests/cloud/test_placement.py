"""Where servers go: zones, groups, hints, alternates, and what "no valid host" says to whom. A-054, A-061, F-81."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from iaas import failpoints
from iaas.api.app import make_app
from iaas.api.compute.dialect import DIALECT
from iaas.api.compute.rules import RULES
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.cmd.commands import scheduler
from iaas.compute import aggregates, daemons, server_groups
from iaas.config import loader, sections
from iaas.db import services
from iaas.db.compute import nodes
from iaas.errors import Internal, Invalid
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, network, order


def group(cloud: Cloud, policy: str, **rules: int) -> str:
    return server_groups.create(cloud.compute, cloud.context, "g", policy, rules).id


def boots(cloud: Cloud, count: int, **changes: Any) -> list[str | None]:
    """The hosts of that many servers, each ordered when the one before is there; None is none."""
    return [cloud.server(boot(cloud, **changes)).host for _ in range(count)]


def test_anti_affinity_puts_one_on_each_host_and_then_no_more(cloud: Cloud) -> None:
    id = group(cloud, "anti-affinity")
    first = boot(cloud, group_id=id)
    assert {cloud.server(first).host, *boots(cloud, 1, group_id=id)} == {"host1", "host2"}
    third = cloud.server(boot(cloud, group_id=id))
    assert third.state is State.ERROR and third.fault
    assert "anti_affinity removed 2 (servers of the group here: 1, allowed: 1)" in third.fault["message"]
    delete(cloud, first)
    cloud.settle()
    assert boots(cloud, 1, group_id=id) == ["host1"]
    assert cloud.audit() == []


def test_anti_affinity_with_several_a_host_spreads_them_evenly(cloud: Cloud) -> None:
    id = group(cloud, "anti-affinity", max_server_per_host=2)
    assert boots(cloud, 5, group_id=id) == ["host1", "host2", "host1", "host2", None]


def test_affinity_keeps_a_group_together_where_its_first_server_went(cloud: Cloud) -> None:
    boots(cloud, 1)
    id = group(cloud, "affinity")
    assert boots(cloud, 3, group_id=id) == ["host2"] * 3


@pytest.mark.parametrize(
    ("policy", "hosts"),
    [("soft-affinity", ["host1", "host1", "host1"]), ("soft-anti-affinity", ["host1", "host2", "host1"])],
)
def test_a_soft_group_prefers_and_never_refuses(cloud: Cloud, policy: str, hosts: list[str]) -> None:
    assert boots(cloud, 3, group_id=group(cloud, policy)) == hosts


def test_servers_with_and_apart_from_others(cloud: Cloud) -> None:
    first = boot(cloud)
    assert boots(cloud, 2, hints={"same_host": [first]}) == ["host1", "host1"]
    assert boots(cloud, 3, hints={"different_host": [first]}) == ["host2"] * 3
    stranger = replace(cloud.context, project_id="c" * 32)
    own, cloud.context = cloud.context, stranger
    assert boots(cloud, 1, hints={"same_host": [first]}) == [None], "servers of others are nobody's neighbours"
    cloud.context = own


def test_a_server_goes_to_the_zone_that_was_asked_for(cloud: Cloud) -> None:
    made = aggregates.create(cloud.compute, "racks", "z1")
    aggregates.add_host(cloud.compute, made.id, "host2")
    assert boots(cloud, 2, availability_zone="z1") == ["host2"] * 2
    assert boots(cloud, 3, availability_zone="nova") == ["host1"] * 3
    assert cloud.audit() == []


def test_an_aggregate_sets_a_ratio_of_its_own(cloud: Cloud) -> None:
    """8192 MiB times 0.02 are 163, and a server has 128."""
    made = aggregates.create(cloud.compute, "careful", None)
    aggregates.add_host(cloud.compute, made.id, "host1")
    aggregates.change(cloud.compute, made.id, None, {"ram_allocation_ratio": "0.02"})
    cloud.kill("host2")
    for _ in range(6):
        cloud.tick()
    assert boots(cloud, 2) == ["host1", None]
    assert cloud.audit() == []


def test_a_failed_build_goes_on_to_the_alternate_without_a_look_at_all_hosts(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    every = nodes.all_nodes
    monkeypatch.setattr(nodes, "all_nodes", lambda tx, only=None: looked.append(only) or every(tx, only))
    cloud.hosts["host1"].hypervisor.fail("define", Internal("no more memory"))
    server = cloud.server(boot(cloud, network(cloud)))
    assert (server.state, server.host) == (State.ACTIVE, "host2")
    assert looked == [None, ("host2",)]
    with cloud.database.read() as tx:
        assert [(node.host, node.failed_builds) for node in every(tx)] == [("host1", 1), ("host2", 0)]
    assert boots(cloud, 2) == ["host2", "host2"], "a host that has just failed comes last"
    cloud.clock.advance(600)
    cloud.settle()
    assert boots(cloud, 1) == ["host1"], "and is forgiven"
    assert cloud.audit() == []


def test_an_alternate_that_takes_no_work_any_more_is_not_taken(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.hosts["host1"].hypervisor.fail("define", Internal("no more memory"))
    server_id = order(cloud, network(cloud))

    def disable(point: str) -> None:
        if point == "conductor.build.before_spawn":
            found = daemons.find(cloud.compute, "nova-compute", "host2")
            daemons.change(cloud.compute, found.id, {"disabled": True, "disabled_reason": "secret"})

    monkeypatch.setattr(failpoints, "hit", disable)
    cloud.settle()
    server = cloud.server(server_id)
    assert server.state is State.ERROR and server.fault
    assert server.fault["message"].endswith(
        "of 2, tried removed 1 (it was tried and failed), service removed 1 (its compute service is disabled)."
    )
    assert cloud.audit() == []


# What it says ----------------------------------------------------------------------------------------------------


@pytest.fixture
def api(cloud: Cloud) -> Any:
    """GET as ``alice`` of the project or as ``admin``, at a microversion."""
    people = {"alice": cloud.context, "admin": replace(cloud.context, project_id="d" * 32, roles=("admin",))}
    routes = collect("iaas.api.compute")
    client = Client(make_app(DIALECT, routes, cloud.compute, Policy.of_routes(routes, RULES), people.__getitem__))

    def get(who: str, path: str, version: str = "2.84") -> Any:
        answer = client.get(f"/v2.1{path}", headers={"X-Auth-Token": who, "X-OpenStack-Nova-API-Version": version})
        assert answer.status_code == 200, answer.get_data()
        return answer.get_json()

    return get


def test_no_valid_host_tells_a_user_the_numbers_and_an_administrator_the_hosts(cloud: Cloud, api: Any) -> None:
    cloud.kill("host1")
    for _ in range(6):
        cloud.tick()
    aggregates.add_host(cloud.compute, aggregates.create(cloud.compute, "racks", "z1").id, "host2")
    server_id = boot(cloud, availability_zone="nova")
    users = api("alice", f"/servers/{server_id}")["server"]["fault"]
    seen = f"{_last_seen(cloud, 'host1'):%H:%M:%S}"
    assert users == {
        "code": 500, "created": users["created"],
        "message": "No valid host was found. There are not enough hosts available: of 2, service removed 1 (its "
        f"compute service was last heard of at {seen}), zone removed 1 (it is in zone z1, not nova).",
    }  # fmt: skip
    admins = api("admin", f"/servers/{server_id}")["server"]["fault"]
    assert admins == {**users, "details":
        f"service: host1: its compute service was last heard of at {seen}\n"
        "zone: host2: it is in zone z1, not nova"}  # fmt: skip
    actions = f"/servers/{server_id}/os-instance-actions"
    (action,) = api("alice", actions)["instanceActions"]
    assert action["message"] == users["message"]
    events = {who: api(who, f"{actions}/{action['request_id']}")["instanceAction"]["events"] for who in
              ("alice", "admin")}  # fmt: skip
    failed = {who: next(event for event in found if event["result"] == "Error") for who, found in events.items()}
    assert failed["alice"]["event"] == "compute_schedule" and failed["alice"]["details"] == users["message"]
    assert "traceback" not in failed["alice"]
    assert failed["admin"]["details"] == f"{users['message']}\n{admins['details']}" == failed["admin"]["traceback"]
    assert "host1" not in json.dumps([users, action, events["alice"]])


def _last_seen(cloud: Cloud, host: str) -> Any:
    with cloud.database.read() as tx:
        found = services.find(tx, "iaas-compute", host)
    assert found is not None
    return found.last_seen


# iaas-manage scheduler explain -----------------------------------------------------------------------------------


def explain(cloud: Cloud, tmp_path: Path, *words: str) -> int:
    file = tmp_path / "iaas.conf"
    file.write_text(f"[database]\nconnection = {cloud.database.engine.url}\n")
    parser = argparse.ArgumentParser()
    scheduler.add(parser.add_subparsers())
    arguments = parser.parse_args(["scheduler", "explain", *words])
    return int(arguments.run(loader.load(sections.ALL, [str(file)]), arguments))


def test_explain_says_why_and_claims_nothing(cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    id = group(cloud, "anti-affinity")
    first = boot(cloud, group_id=id, forced_host="host1")
    with cloud.database.read() as tx:
        before = nodes.all_nodes(tx)
    assert explain(cloud, tmp_path, "--flavor", "m1.nano", "--hint", f"group={id}", "--json") == 0
    best, other = json.loads(capsys.readouterr().out)
    assert (best["host"], best["place"], other["reasons"]) == (
        "host2", 1, {"anti_affinity": "servers of the group here: 1, allowed: 1"})  # fmt: skip
    assert explain(cloud, tmp_path, "--server", first) == 0, "the server itself is nobody to be apart from"
    words = capsys.readouterr().out.splitlines()
    assert words[0].split()[:4] == ["host", "place", "tried", "forced"] and words[1].split()[:2] == ["host2", "1"]
    assert explain(cloud, tmp_path, "--flavor", "42", "--zone", "z9") == 1
    assert "of 2, zone removed 2 (it is in zone nova, not z9)" in capsys.readouterr().out
    for wrong in ((), ("--flavor", "42", "--server", first), ("--flavor", "42", "--hint", "rack=1")):
        with pytest.raises(Invalid):
            explain(cloud, tmp_path, *wrong)
    with cloud.database.read() as tx:
        assert nodes.all_nodes(tx) == before
