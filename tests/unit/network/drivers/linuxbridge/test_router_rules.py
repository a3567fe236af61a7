"""The text that a router's nft is given, and which flows a change ends."""

from __future__ import annotations

from dataclasses import replace

from iaas.network.agent.routers import router_of
from iaas.network.agent.steps import Router
from iaas.network.drivers.linuxbridge import router_rules
from tests.unit.network.wishes import router, uid

FLOATING = "203.0.113.50"


def _router(floating: dict[str, str] | None = None, **changes: object) -> Router:
    wanted = router("r1", ("net", "10.77.0.1"), gateway="203.0.113.10", floating=floating, **changes)
    return router_of(wanted, {uid("net"): "brq-net", uid("outside"): "br-ex"})


def test_a_floating_address_is_translated_both_ways_before_the_routers_own() -> None:
    lines = [line.strip() for line in router_rules.render(_router({FLOATING: "10.77.0.11"})).splitlines()]
    assert f"map floating {{ type ipv4_addr : ipv4_addr; elements = {{ {FLOATING} : 10.77.0.11 }}; }}" in lines
    own, rest = (lines.index(f'oifname "qg-*" snat to {to}') for to in ("ip saddr map @fixed", "203.0.113.10"))
    assert own < rest


def test_without_snat_the_networks_may_be_called_and_keep_their_addresses() -> None:
    text = router_rules.render(_router(snat=False))
    assert "snat to 203" not in text
    assert 'iifname "qg-*" oifname "qr-*" ip daddr @inside accept' in text
    assert "ip daddr @inside accept" not in router_rules.render(_router())


def test_flows_end_with_what_translated_them_and_no_others_do() -> None:
    """S-080"""
    two = {FLOATING: "10.77.0.11", "203.0.113.51": "10.77.0.12"}
    before = _router(two)
    assert router_rules.forgotten(None, before) == ()
    assert router_rules.forgotten(before, before) == ()
    assert router_rules.forgotten(before, _router({**two, FLOATING: "10.77.0.13"})) == (FLOATING,)
    assert router_rules.forgotten(before, _router({FLOATING: "10.77.0.11"})) == ("203.0.113.51",)
    assert router_rules.forgotten(before, _router(two, snat=False)) == ("203.0.113.10",)
    assert router_rules.forgotten(before, None) == ("203.0.113.10", FLOATING, "203.0.113.51")


def test_only_what_is_new_or_has_another_mac_is_announced() -> None:
    before, now = _router(), _router({FLOATING: "10.77.0.11"})
    assert [ip for _, ip in router_rules.announced(before, now)] == [FLOATING]
    assert now.gateway is not None
    moved = replace(now, gateway=replace(now.gateway, mac="fa:16:3e:99:99:99"))
    assert sorted(ip for _, ip in router_rules.announced(now, moved)) == ["203.0.113.10", FLOATING]
    assert len(list(router_rules.announced(None, now))) == 3
