"""Subnet geometry: properties over many networks, and the edges."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaas.errors import Conflict, Invalid
from iaas.network import geometry


@given(st.integers(0, 2**32 - 1), st.integers(8, 32), st.booleans())
def test_pools_and_gateway_share_out_a_subnet_without_a_remainder(address: int, prefix: int, gated: bool) -> None:
    net = ip_network((address, prefix), strict=False)
    gateway = geometry.default_gateway(net) if gated else None
    pools = geometry.default_pools(net, gateway)
    total = sum(int(ip_address(last)) - int(ip_address(first)) + 1 for first, last in pools)
    low, high = geometry.ends(net)
    assert total == int(high) - int(low) + 1 - (1 if gated else 0)
    assert geometry.pools(net, pools, gateway) == pools


@pytest.mark.parametrize(
    ("cidr", "first", "last"),
    [
        ("10.0.0.0/24", "10.0.0.1", "10.0.0.254"),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1"),
        ("10.0.0.0/32", "10.0.0.0", "10.0.0.0"),
        ("2001:db8::/64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:db8::/127", "2001:db8::", "2001:db8::1"),
    ],
)
def test_the_ends_leave_out_what_no_host_may_have(cidr: str, first: str, last: str) -> None:
    assert tuple(map(str, geometry.ends(ip_network(cidr)))) == (first, last)


@pytest.mark.parametrize("text", ["10.0.0.1 ", "10.0.0.1\n", "10.0.0", "::1%lo", "", "0x0a000001", "010.0.0.1"])
def test_only_clean_addresses_pass_s086(text: str) -> None:
    with pytest.raises(Invalid):
        geometry.parse_address(text, "dns_nameservers")


def test_pools_that_touch_are_fine_and_pools_that_overlap_are_not() -> None:
    net = ip_network("10.0.0.0/24")
    touching = (("10.0.0.2", "10.0.0.9"), ("10.0.0.10", "10.0.0.20"))
    assert geometry.pools(net, tuple(reversed(touching)), None) == touching
    with pytest.raises(Conflict):
        geometry.pools(net, (("10.0.0.2", "10.0.0.9"), ("10.0.0.3", "10.0.0.4")), None)


def test_the_number_of_everything_is_bounded() -> None:
    net = ip_network("10.0.0.0/8")
    with pytest.raises(Invalid):
        geometry.pools(net, tuple((f"10.0.{n}.1", f"10.0.{n}.2") for n in range(21)), None)
    with pytest.raises(Invalid):
        geometry.host_routes([(f"10.{n}.0.0/16", "10.0.0.1") for n in range(21)], 4)
