"""Many at once through two APIs, two schedulers and two conductors, on both database engines: everything accepted is
carried out, races at a limit give exactly the limit, and nobody is told of a busy database."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import httpx

from tests.integration.clouds import Cloud, accepted
from tests.integration.processes import wait

SERVERS = 40
SLOTS = 8


def refused(answer: httpx.Response, status: int) -> bool:
    """Whether it was refused with this status; any other refusal fails."""
    assert answer.status_code < 500 and "locked" not in answer.text, f"{answer.status_code} {answer.text}"
    return answer.status_code == status


def test_a_storm_of_creates_and_deletes_loses_doubles_and_leaks_nothing(cloud: Cloud) -> None:
    network = cloud.client.network("10.20.0.0/22")
    wishes = [[{"uuid": network}], "none"]
    answers = cloud.many(lambda client, n: client.create(cloud.image, f"vm{n}", wishes[n // 2 % 2]), 2 * SERVERS)
    ids = [accepted(answer) for answer in answers]
    cloud.delete(ids[:SERVERS])
    cloud.settle(active=ids[SERVERS:], gone=ids[:SERVERS])
    servers = {server["id"]: server for server in cloud.client.servers()}
    addresses = [item["addr"] for id in ids[SERVERS:] for item in servers[id]["addresses"].get("10.20.0.0/22", ())]
    assert len(addresses) == len(set(addresses)) == SERVERS // 2
    cloud.check()


def test_twenty_creates_against_a_quota_of_five_give_five(cloud: Cloud) -> None:
    """F-80."""
    racer = cloud.client.join(f"racers-{uuid4().hex[:8]}")
    project = racer.grant["project"]["id"]
    cloud.client.json("PUT", f"/os-quota-sets/{project}", {"quota_set": {"instances": 5}})
    answers = cloud.many(lambda _, n: racer.create(cloud.image, f"vm{n}"), 20)
    assert Counter(refused(answer, 403) for answer in answers) == {False: 5, True: 15}
    ids = [accepted(answer) for answer in answers if answer.status_code == 202]
    cloud.many(lambda _, n: racer.request("DELETE", f"/servers/{ids[n]}"), 5)
    wait(lambda: not racer.servers(), 30, "deleted servers are still there")
    again = accepted(racer.create(cloud.image))
    racer.request("DELETE", f"/servers/{again}")
    wait(lambda: not racer.servers(), 30, "the deleted server is still there")
    cloud.check()


def test_parallel_ports_take_every_address_of_a_small_subnet_once(cloud: Cloud) -> None:
    """F-79, F-77: exactly the pool, and what is given back can be used at once."""
    pool = [{"start": "10.21.0.10", "end": f"10.21.0.{9 + SLOTS}"}]
    network = cloud.client.network("10.21.0.0/24", allocation_pools=pool, enable_dhcp=False)
    body = {"port": {"network_id": network}}
    answers = cloud.many(lambda client, _: client.request("POST", "/ports", body, "network"), 20)
    assert Counter(refused(answer, 409) for answer in answers) == {False: SLOTS, True: 20 - SLOTS}
    ports = [answer.json()["port"] for answer in answers if answer.status_code == 201]
    assert len({port["fixed_ips"][0]["ip_address"] for port in ports}) == SLOTS
    assert len({port["mac_address"] for port in ports}) == SLOTS
    cloud.client.json("DELETE", f"/ports/{ports[0]['id']}", service="network")
    again = cloud.client.json("POST", "/ports", body, "network")["port"]
    assert again["fixed_ips"][0]["ip_address"] == ports[0]["fixed_ips"][0]["ip_address"]
    for port in [*ports[1:], again]:
        cloud.client.json("DELETE", f"/ports/{port['id']}", service="network")
    cloud.check()


def test_twenty_boots_with_room_for_four_give_four(cloud: Cloud) -> None:
    """F-81: each of the two hosts has room for two of this flavor."""
    cloud.empty()
    room = cloud.client.hypervisors()
    flavor = {"name": f"half-{uuid4().hex[:8]}", "ram": 131072, "vcpus": 1, "disk": 1}
    flavor_id = cloud.client.json("POST", "/flavors", {"flavor": flavor})["flavor"]["id"]
    assert len(room) == 2
    ids = cloud.order(20, flavor=flavor_id)
    wait(lambda: not any(state.endswith("*") for state in cloud.states().values()), 60, "still building")
    assert Counter(cloud.states().values()) == {"ACTIVE": 4, "ERROR": 16}
    failed = next(server for server in cloud.client.servers() if server["status"] == "ERROR")
    assert "No valid host" in failed["fault"]["message"]
    cloud.delete(ids)
    cloud.settle(gone=ids)
    cloud.check()


def test_both_nodes_have_had_a_share(cloud: Cloud) -> None:
    """The storms above are worth what they say only if the second daemons worked, too."""
    for name in ("scheduler", "scheduler#2", "conductor", "conductor#2"):
        text = cloud.log(name).read_text()
        assert ("goes to" if name.startswith("scheduler") else ": done") in text, name
