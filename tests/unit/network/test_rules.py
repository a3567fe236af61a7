"""Security group rules: whatever goes in, what comes out is a rule that the packet filter understands."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from iaas.errors import Invalid
from iaas.model.security_group import RuleSpec
from iaas.model.wiring import RuleWiring
from iaas.network import rules
from iaas.network.drivers.linuxbridge.nft_groups import rule_line

PROTOCOLS = st.one_of(
    st.none(),
    st.sampled_from([*rules.NUMBERS, "TCP", "any", "", "0"]),
    st.integers(-1, 300).map(str),
    st.text(max_size=5),
)
PORTS = st.one_of(st.none(), st.integers(-5, 70000), st.integers(0, 255))
CIDRS = st.one_of(
    st.none(), st.sampled_from(["0.0.0.0/0", "::/0", "10.1.2.3/8", "2001:db8::1/32", "", "x/y", "10.0.0.0/40"])
)


@given(st.sampled_from(["ingress", "egress"]), st.sampled_from([4, 6]), PROTOCOLS, PORTS, PORTS, CIDRS)
def test_a_rule_is_refused_or_loaded_s079(
    direction: str, version: int, protocol: str | None, low: int | None, high: int | None, cidr: str | None
) -> None:
    spec = RuleSpec(
        direction=direction, ip_version=version, protocol=protocol, port_min=low, port_max=high, remote_cidr=cidr
    )
    try:
        kept = rules.normal(spec)
    except Invalid:
        return
    wiring = RuleWiring(
        direction=kept.direction, ip_version=kept.ip_version, protocol=kept.protocol, port_min=kept.port_min,
        port_max=kept.port_max, remote_cidr=kept.remote_cidr, remote_group_id=None,
    )  # fmt: skip
    assert rule_line(wiring, set()) is not None
    assert rules.normal(kept) == kept
    assert kept.remote_cidr is None or str(ip_network(kept.remote_cidr)) == kept.remote_cidr


def test_signatures_are_equal_for_equal_effects_only() -> None:
    def signature(**values: object) -> str:
        spec = RuleSpec(**{"direction": "ingress", "ip_version": 4, **values})  # type: ignore[arg-type]
        return rules.signature(rules.normal(spec))

    assert signature(protocol="tcp") == signature(protocol="6") == signature(protocol="TCP")
    assert signature() == signature(remote_cidr="0.0.0.0/0") == signature(protocol="0")
    assert signature(ip_version=6, protocol="icmp") == signature(ip_version=6, protocol="58")
    assert signature() != signature(ip_version=6)
    assert signature(protocol="udp") != signature(protocol="tcp")
    assert signature(remote_cidr="10.0.0.0/8") != signature(remote_cidr="10.0.0.0/9")
