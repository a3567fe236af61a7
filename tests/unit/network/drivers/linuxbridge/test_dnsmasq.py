"""What dnsmasq is told. That it then answers is shown in tests/integration/test_network_dhcp.py."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaas.errors import Invalid
from iaas.model.wiring import DhcpHost, FixedIp, NetworkWiring
from iaas.network.drivers.linuxbridge import dnsmasq
from tests.unit.network.wishes import network, small, subnet, uid

DOMAIN = "cloud.internal"
_LINE = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2},id:\*,[a-z0-9-]{1,63}\.cloud\.internal,[0-9.]{7,15}", re.ASCII)


def _with_hosts(*hosts: DhcpHost) -> NetworkWiring:
    plain = small(1).networks[0]
    assert plain.dhcp is not None
    return replace(plain, dhcp=replace(plain.dhcp, hosts=hosts))


def _host(mac: str = "fa:16:3e:00:00:01", name: str = "web", ip: str = "10.77.0.11") -> DhcpHost:
    fixed = FixedIp(subnet_id=uid("net-subnet"), ip=ip)
    return DhcpHost(port_id=uid(mac + ip), mac=mac, hostname=name, ips=(fixed,))


def _subnet(**changes: object) -> NetworkWiring:
    return replace(network("net", "10.77.0.0/24"), subnets=(subnet("net-subnet", "10.77.0.0/24", **changes),))


def test_a_host_line_ignores_the_client_id_that_a_guest_may_forge() -> None:
    """S-076"""
    line = "fa:16:3e:00:00:01,id:*,web.cloud.internal,10.77.0.11\n"
    assert dnsmasq.hosts(_with_hosts(_host(mac="FA:16:3E:00:00:01", name="Web")), DOMAIN) == line


@pytest.mark.parametrize("name", ["a\nb", "a,b", "", "-a", "a b", "x" * 64, "ü", "a.b", "a\r", "#", "tag:x"])
def test_an_odd_name_is_replaced_by_one_from_the_address(name: str) -> None:
    """S-086"""
    text = dnsmasq.hosts(_with_hosts(_host(name=name)), DOMAIN)
    assert text == "fa:16:3e:00:00:01,id:*,host-10-77-0-11.cloud.internal,10.77.0.11\n"


@given(
    st.lists(
        st.tuples(
            st.text(max_size=20) | st.just("fa:16:3e:00:00:01"),
            st.text(max_size=70),
            st.text(max_size=20) | st.just("10.77.0.11"),
        ),
        max_size=4,
    )
)
def test_no_text_of_a_user_adds_a_line_or_a_field(hosts: list[tuple[str, str, str]]) -> None:
    """S-086"""
    text = dnsmasq.hosts(_with_hosts(*(_host(*host) for host in hosts)), DOMAIN)
    assert text == "" or text.endswith("\n")
    lines = text.split("\n")[:-1]
    assert len(lines) <= len(hosts)
    assert all(_LINE.fullmatch(line) for line in lines)


def test_an_address_is_given_to_one_client_only() -> None:
    """dnsmasq would not start with two"""
    text = dnsmasq.hosts(_with_hosts(_host(), _host(mac="fa:16:3e:00:00:02")), DOMAIN)
    assert text.count("10.77.0.11") == 1


def test_option_121_names_the_metadata_address_and_repeats_the_default_route() -> None:
    wiring = _subnet(host_routes=(("192.168.0.0/16", "10.77.0.9"), ("0.0.0.0/0", "10.77.0.9"), ("x", "y")))
    routes = "169.254.169.254/32,10.77.0.2,192.168.0.0/16,10.77.0.9,0.0.0.0/0,10.77.0.1\n"
    assert f"option:classless-static-route,{routes}" in dnsmasq.options(wiring)


def test_a_subnet_without_a_gateway_names_no_router() -> None:
    text = dnsmasq.options(_subnet(gateway_ip=None))
    assert "option:router\n" in text
    assert "0.0.0.0/0" not in text


def test_name_servers_are_the_subnets_or_else_the_server_itself() -> None:
    assert "option:dns-server,10.77.0.2\n" in dnsmasq.options(_subnet())
    named = _subnet(dns_nameservers=("9.9.9.9", "bad\nserver", "fd00::1"))
    assert "option:dns-server,9.9.9.9\n" in dnsmasq.options(named)


def test_the_command_depends_on_the_subnets_and_on_no_client() -> None:
    """A new client is a reload, never a restart."""
    directory = Path("/tmp/x")
    one, two = (dnsmasq.command(small(*n).networks[0], "ns-1", directory, DOMAIN) for n in ((1,), (1, 2)))
    assert one == two
    assert one[-1].endswith(",10.77.0.0,static,255.255.255.0,86400s")
    assert not [item for item in one if item.startswith("--dhcp-range") and "static" not in item]


def test_subnets_without_dhcp_and_of_ipv6_are_not_served() -> None:
    assert dnsmasq.served(_subnet(enable_dhcp=False)) == []
    assert dnsmasq.served(replace(_subnet(), dhcp=None)) == []
    v6 = replace(_subnet(), subnets=(subnet("net-subnet", "fd00::/64", ip_version=6),))
    assert dnsmasq.served(v6) == []


def test_a_lease_file_is_read_line_by_line_and_rubbish_is_skipped() -> None:
    text = "1793275345 FA:16:3e:00:00:01 10.77.0.11 web *\nduid 00:01\n\n1 x y z *\n2 fa:16:3e:00:00:02 fd00::1 a *\n"
    assert dnsmasq.leases(text) == [("fa:16:3e:00:00:01", "10.77.0.11")]


@pytest.mark.parametrize("domain", ["", "a b", "a\nb", "a,b", ".a", "a..b", "x" * 201, "-a.b"])
def test_a_bad_domain_in_the_config_is_refused(domain: str) -> None:
    with pytest.raises(Invalid):
        dnsmasq.check_domain(domain)


def test_a_domain_is_lower_case() -> None:
    assert dnsmasq.check_domain("Cloud.Internal") == "cloud.internal"
