"""Segments: which kinds and numbers a network may have, and that no two have the same (A-112, A-116, F-77, F-79)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from iaas.config.sections import Network as Options
from iaas.config.sections import Quota
from iaas.db.engine import Database
from iaas.errors import Conflict, Invalid
from iaas.model.network import Network
from iaas.network import networks
from iaas.network.settings import Settings
from tests.unit.network.fleet import Fleet


def create(fleet: Fleet, settings: Settings, **values: Any) -> Network:
    return fleet.database.run(lambda tx: networks.create(tx, settings, "p-alice", {"name": "n", **values}))


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def test_a_network_that_names_nothing_is_a_vxlan_with_a_number_of_the_range(fleet: Fleet) -> None:
    made = create(fleet, fleet.settings)
    assert (made.kind, made.physical_network, made.mtu) == ("vxlan", None, 1450)
    assert 1001 <= (made.segmentation_id or 0) <= 65535


def test_the_configured_types_are_tried_in_order(fleet: Fleet) -> None:
    ranged = replace(fleet.settings, vlan_ranges=(("physnet1", 100, 101),), tenant_types=("vlan", "vxlan"))
    made = create(fleet, ranged)
    assert (made.kind, made.physical_network, made.mtu) == ("vlan", "physnet1", 1500)
    assert made.segmentation_id in (100, 101)
    assert create(fleet, replace(ranged, vlan_ranges=())).kind == "vxlan"
    assert create(fleet, replace(ranged, tenant_types=("local",))).segmentation_id is None


def test_an_exhausted_range_makes_room_for_the_next_one_and_the_next_kind(fleet: Fleet) -> None:
    """A-092: two ranges of one wire, one of another, and tunnels when there is no VLAN left."""
    ranges = (("physnet1", 100, 101), ("physnet1", 300, 300), ("physnet2", 100, 100))
    settings = replace(fleet.settings, vlan_ranges=ranges, tenant_types=("vlan", "vxlan"))
    made = [create(fleet, settings) for _ in range(5)]
    found = [(net.kind, net.physical_network, net.segmentation_id, net.mtu) for net in made]
    assert set(found[:2]) == {("vlan", "physnet1", number, 1500) for number in (100, 101)}
    assert found[2:4] == [("vlan", "physnet1", 300, 1500), ("vlan", "physnet2", 100, 1500)]
    assert (made[4].kind, made[4].mtu) == ("vxlan", 1450)
    with pytest.raises(Conflict, match="No tenant network is available"):
        create(fleet, replace(settings, tenant_types=("vlan",)))
    fleet.database.run(lambda tx: networks.delete(tx, settings, made[2]))
    assert create(fleet, settings).segmentation_id == 300
    with pytest.raises(Conflict):
        create(fleet, settings, kind="vlan", physical_network="physnet1")


def test_an_exhausted_range_is_a_conflict_and_a_number_given_back_is_free_f77(fleet: Fleet) -> None:
    small = replace(fleet.settings, vxlan_range=(7, 9))
    made = [create(fleet, small) for _ in range(3)]
    assert {net.segmentation_id for net in made} == {7, 8, 9}
    with pytest.raises(Conflict) as refusal:
        create(fleet, small)
    assert refusal.value.details["code"] == "NoNetworkAvailable"
    fleet.database.run(lambda tx: networks.delete(tx, small, made[1]))
    assert create(fleet, small).segmentation_id == made[1].segmentation_id


def test_forty_networks_at_once_get_forty_numbers_f79(fleet: Fleet) -> None:
    small = replace(fleet.settings, vxlan_range=(1, 40))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create(fleet, small), range(40)))
    assert {net.segmentation_id for net in made} == set(range(1, 41))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "vlan", "physical_network": "physnet1", "segmentation_id": 100}, "VlanIdInUse"),
        ({"kind": "flat", "physical_network": "physnet1"}, "FlatNetworkInUse"),
        ({"kind": "vxlan", "segmentation_id": 5}, "TunnelIdInUse"),
    ],
)
def test_a_segment_that_is_named_twice_is_refused(fleet: Fleet, values: dict[str, Any], code: str) -> None:
    create(fleet, fleet.settings, **values)
    with pytest.raises(Conflict) as refusal:
        create(fleet, fleet.settings, **values)
    assert refusal.value.details["code"] == code


def test_one_number_may_be_a_vlan_of_two_physical_networks_and_a_vni(fleet: Fleet) -> None:
    two = replace(fleet.settings, physical={"physnet1": "br-ex", "physnet2": "br-two"})
    for physical in two.physical:
        create(fleet, two, kind="vlan", physical_network=physical, segmentation_id=100)
    assert create(fleet, two, kind="vxlan", segmentation_id=100).segmentation_id == 100


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "gre"},
        {"physical_network": "physnet1"},
        {"segmentation_id": 5},
        {"kind": "vlan", "segmentation_id": 5},
        {"kind": "vlan", "physical_network": "physnet1"},
        {"kind": "vlan", "physical_network": "physnet1", "segmentation_id": 4095},
        {"kind": "vlan", "physical_network": "physnet1", "segmentation_id": 0},
        {"kind": "vlan", "physical_network": "nowhere", "segmentation_id": 5},
        {"kind": "vxlan", "physical_network": "physnet1"},
        {"kind": "vxlan", "segmentation_id": 2**24},
        {"kind": "vxlan", "mtu": 1451},
        {"kind": "local", "segmentation_id": 5},
    ],
)
def test_what_can_not_be_is_refused(fleet: Fleet, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        create(fleet, fleet.settings, **values)


@pytest.mark.parametrize(
    "options",
    [
        {"tenant_types": ("gre",)},
        {"vxlan_range": "1"},
        {"vxlan_range": "9:1"},
        {"vlan_ranges": ("physnet1:1:4095",)},
        {"vlan_ranges": ("physnet1",)},
        {"vlan_ranges": ("elsewhere:1:9",)},
        {"subnet_pool": "10.0.0.1/8"},
        {"subnet_pool": "fd00::/48"},
        {"subnet_prefix": 8},
        {"subnet_prefix": 30},
        {"subnet_pool": "10.0.0.0/8", "subnet_prefix": 25},
    ],
)
def test_a_malformed_option_is_refused_at_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Settings.of(Options(**options), Quota())


def test_ranges_are_read_from_the_configuration() -> None:
    settings = Settings.of(Options(vxlan_range="5:6", vlan_ranges=("physnet1:100:200", "physnet1:300:300")), Quota())
    assert settings.vxlan_range == (5, 6)
    assert settings.vlan_ranges == (("physnet1", 100, 200), ("physnet1", 300, 300))
    assert (str(settings.subnet_pool), settings.subnet_prefix) == ("10.128.0.0/9", 24)
    assert Settings.of(Options(subnet_pool=""), Quota()).subnet_pool is None
