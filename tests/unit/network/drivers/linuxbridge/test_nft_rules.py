"""Properties of the packet filter's text. That it filters is shown in
tests/integration/test_network_filter.py."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaas.model.wiring import HostWiring, RuleWiring, bridge_name, tap_name
from iaas.network.agent.filter import wanted
from iaas.network.agent.steps import Filter
from iaas.network.drivers.linuxbridge import nft_groups, nft_rules, nft_text
from tests.unit.network.wishes import ZONE, group, mac, network, port, rule, small, uid, wish

BRIDGES = {uid("net"): bridge_name(uid("net")), uid("flat"): "br-ex"}


def _filter(wiring: HostWiring) -> Filter:
    return wanted(wiring, BRIDGES)


def _text(wiring: HostWiring, mark: str = "test") -> str:
    return nft_text.render(nft_rules.tables(_filter(wiring), mark))


def _element(text: str, name: str) -> str:
    """The declaration of a set or map of the text."""
    found = re.search(rf"^ +(?:set|map) {name} .*$", text, re.MULTILINE)
    assert found is not None
    return found[0]


def test_the_same_filter_is_always_the_same_text() -> None:
    shuffled = replace(small(1, 2), ports=small(1, 2).ports[::-1])
    assert _text(small(1, 2)) == _text(shuffled)
    assert _text(small(1, 2)) != _text(small(1))


def test_a_load_replaces_both_tables_in_one_transaction() -> None:
    text = _text(small(1), "mine")
    for family in ("bridge", "inet"):
        first, second, third = (text.index(f"{word} {family} iaas_mine") for word in ("table", "delete table", "table"))
        assert first == third < second
        assert text.count(f"\ntable {family} iaas_mine {{") == 1


def test_every_secured_port_has_its_chains_its_guard_and_a_final_drop() -> None:
    text = _text(small(1, 2))
    for item in small(1, 2).ports:
        for direction in ("egress", "ingress"):
            chain = nft_groups.port_chain(item.id, direction)
            body = text.split(f"chain {chain} {{")[1].split("}")[0]
            assert body.split("\n")[-2].strip() == "counter drop"
            assert f"goto {chain}" in text
        assert f'"{tap_name(item.id)}" . {item.mac} . {item.ips[0]}' in _element(text, "ip4_ok")


def test_a_port_without_security_is_known_but_not_filtered() -> None:
    open_port = replace(small(1).ports[0], port_security=False)
    text = _text(replace(small(1), ports=(open_port,)))
    tap = f'"{tap_name(open_port.id)}"'
    assert tap in _element(text, "ports")
    assert tap in _element(text, "isolated"), "also such a guest does not reach the host"
    assert tap not in _element(text, "mac_ok")
    assert nft_groups.port_chain(open_port.id, "ingress") not in text


def test_a_port_without_an_address_may_send_none() -> None:
    """S-072"""
    bare = replace(small(1).ports[0], ips=())
    assert tap_name(bare.id) not in _element(_text(replace(small(1), ports=(bare,))), "ip4_ok")


def test_marks_come_from_the_port_and_never_collide() -> None:
    ports = _filter(small(*range(1, 50))).ports
    numbers = nft_rules.marks(ports)
    assert len(set(numbers.values())) == len(ports)
    assert nft_rules.marks(ports[3:4]) == {ports[3].id: numbers[ports[3].id]}
    twin = replace(ports[0], id=ports[0].id[:8] + ports[1].id[8:])
    pair = nft_rules.marks([ports[0], twin])
    assert len(set(pair.values())) == 2
    zero = replace(ports[0], id="00000000" + ports[0].id[8:])
    assert nft_rules.marks([zero])[zero.id] != 0


@pytest.mark.parametrize(
    "broken",
    [{"id": "not-a-uuid"}, {"mac": 'fa:16:3e:00:00:01" }; drop'}, {"mac": ""}, {"id": 'x"; flush ruleset; "'}],
)
def test_a_port_that_makes_no_sense_is_unknown_and_so_dropped(broken: dict[str, str]) -> None:
    odd = replace(small(1).ports[0], **broken)  # type: ignore[arg-type]
    assert _text(replace(small(1, 2), ports=(odd,))) == _text(replace(small(1, 2), ports=()))


def test_allowed_pairs_widen_the_guard_and_overlaps_are_merged() -> None:
    pairs = (
        (mac(1), "10.99.0.0/16"), (mac(1), "10.99.7.0/24"), ("FA:16:3E:00:AA:01", "10.98.0.9"),
        (mac(1), "nonsense"), ("nonsense", "10.97.0.1"), (mac(1), "fd00::/64"),
    )  # fmt: skip
    paired = replace(small(1).ports[0], allowed_pairs=pairs)
    text = _text(replace(small(1), ports=(paired,)))
    assert "10.99.0.0/16" in _element(text, "ip4_range")
    assert "10.99.7.0/24" not in _element(text, "ip4_range")
    assert "fa:16:3e:00:aa:01 . 10.98.0.9" in _element(text, "ip4_ok")
    assert "fa:16:3e:00:aa:01" in _element(text, "mac_ok")
    assert "fd00::/64" in _element(text, "ip6_range")
    assert "10.97" not in text
    assert "nonsense" not in text


def test_everything_as_an_allowed_address_is_two_halves() -> None:
    paired = replace(small(1).ports[0], allowed_pairs=((mac(1), "0.0.0.0/0"),))
    line = _element(_text(replace(small(1), ports=(paired,))), "ip4_range")
    assert "0.0.0.0/1" in line
    assert "128.0.0.0/1" in line


def test_a_network_has_its_own_conntrack_zone_and_a_flat_one_has_none() -> None:
    """S-081"""
    member = port("flat-1", "flat", 9, "10.81.0.10", "default")
    flat = network("flat", "10.81.0.0/24", (member,), kind="flat", physical_network="physnet1")
    local = small(1)
    text = _text(wish((flat, *local.networks), (member, *local.ports), local.groups))
    assert f'"{bridge_name(uid("net"))}" : {ZONE}' in _element(text, "zones")
    assert "br-ex" not in _element(text, "zones")
    assert '"br-ex" . 10.81.0.10' in _element(text, "routed4")
    assert tap_name(member.id) not in _element(text, "isolated")


@pytest.mark.parametrize(
    ("given_rule", "text"),
    [
        (rule(), "meta nfproto ipv4 accept"),
        (rule(protocol="tcp", port_min=22, port_max=22),
         "meta nfproto ipv4 meta l4proto 6 th dport 22 accept"),
        (rule(protocol="TCP", port_min=1, port_max=65535),
         "meta nfproto ipv4 meta l4proto 6 th dport 1-65535 accept"),
        (rule(protocol="17", port_min=53, port_max=None), "meta nfproto ipv4 meta l4proto 17 th dport 53 accept"),
        (rule(protocol="icmp", port_min=8, port_max=0),
         "meta nfproto ipv4 meta l4proto 1 icmp type 8 icmp code 0 accept"),
        (rule(protocol="icmp", ip_version=6, port_min=128),
         "meta nfproto ipv6 meta l4proto 58 icmpv6 type 128 accept"),
        (rule(protocol="vrrp"), "meta nfproto ipv4 meta l4proto 112 accept"),
        (rule(remote_cidr="10.1.2.3/8"), "meta nfproto ipv4 ip saddr 10.0.0.0/8 accept"),
        (rule("egress", remote_cidr="fd00::/8", ip_version=6), "meta nfproto ipv6 ip6 daddr fd00::/8 accept"),
        (rule(remote_cidr="0.0.0.0/0"), "meta nfproto ipv4 accept"),
        (rule(remote_cidr="::/0"), None),
        (rule(remote_cidr="0.0.0.0/0", ip_version=6), None),
        (rule(remote_cidr="10.0.0.0/33"), None),
        (rule(remote_cidr="10.0.0.1; flush ruleset"), None),
        (rule(remote_group_id="unknown"), None),
        (rule(protocol="tcp", port_min=80, port_max=22), None),
        (rule(protocol="tcp", port_min=0, port_max=70000), None),
        (rule(protocol="vrrp", port_min=1, port_max=2), None),
        (rule(protocol="256"), None),
        (rule(protocol="tcp accept; "), None),
        (rule(port_min=1, port_max=2), None),
        (rule(ip_version=5), None),
    ],
)  # fmt: skip
def test_a_rule_is_worded_or_left_out(given_rule: RuleWiring, text: str | None) -> None:
    """S-079"""
    assert nft_groups.rule_line(given_rule, set()) == text


def test_a_remote_group_is_a_set_of_its_members_of_that_version() -> None:
    within = rule(remote_group_id=uid("default"))
    wiring = replace(small(1), groups=(group("default", within, members=("10.77.0.11", "fd00::1", "odd")),))
    text = _text(wiring)
    name = "g_" + uid("default").replace("-", "")
    assert f"meta nfproto ipv4 ip saddr @{name}_4 accept" in text
    assert _element(text, f"{name}_4").endswith("{ type ipv4_addr; elements = { 10.77.0.11 } }")
    assert _element(text, f"{name}_6").endswith("{ type ipv6_addr; elements = { fd00::1 } }")


_words = st.text(max_size=20) | st.sampled_from(["tcp", "udp", "icmp", "0.0.0.0/0", "::/0", "10.0.0.1/24"])
_numbers = st.none() | st.integers(-5, 70000)


@given(
    st.lists(
        st.builds(
            RuleWiring, direction=st.sampled_from(["ingress", "egress"]) | _words,
            ip_version=st.sampled_from([4, 6, 0]), protocol=st.none() | _words, port_min=_numbers,
            port_max=_numbers, remote_cidr=st.none() | _words, remote_group_id=st.none() | _words,
        ),
        max_size=4,
    ),
    st.lists(st.tuples(_words, _words), max_size=3),
    st.lists(_words, max_size=3),
)  # fmt: skip
def test_no_text_of_a_user_ever_becomes_a_statement(
    rules: list[RuleWiring], pairs: list[tuple[str, str]], members: list[str]
) -> None:
    """S-079: whatever is in the wish, outside of the fixed text there are only words of this small
    language"""
    wiring = small(1)
    odd = replace(
        wiring,
        ports=(replace(wiring.ports[0], allowed_pairs=tuple(pairs)),),
        groups=(group("default", *rules, members=tuple(members)),),
    )
    frame = set(_text(wish()).splitlines())
    for line in _text(odd).splitlines():
        if line not in frame:
            assert _LINE.fullmatch(line.strip()), line


_LINE = re.compile(
    r"""(set|map)\ [a-z0-9_]+\ \{\ type(of)?\ [\w.@:, ]+;(\ +flags\ interval;)?
          (\ +elements\ =\ \{[\w".:/, -]+\})?\ *\}
        | chain\ [gp]_[0-9a-f]{32}_(in|out)\ \{ | jump\ g_[0-9a-f]{32}_(in|out) | counter\ drop
        | meta\ nfproto\ ipv[46](\ ip6?\ [sd]addr\ [0-9a-f.:/]+)?
          (\ meta\ l4proto\ \d+(\ th\ dport\ \d+(-\d+)?)?(\ icmp(v6)?\ (type|code)\ \d+){0,2})?\ accept""",
    re.VERBOSE | re.ASCII,
)
