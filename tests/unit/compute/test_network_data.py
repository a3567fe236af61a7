"""network_data.json: what a guest has to set itself is told in full, what it is given is not told twice."""

from typing import Any

from iaas.compute.metadata import openstack
from iaas.model.order import Interface, InterfaceAddress
from tests.unit.compute.agent.test_config_drive import particulars


def address(ip: str, cidr: str, mode: str = "", **changes: Any) -> InterfaceAddress:
    values: dict[str, Any] = {"gateway": None, "routes": (), "dns": (), **changes}
    return InterfaceAddress(ip=ip, cidr=cidr, mode=mode, **values)


def test_networks_without_dhcp_are_described_in_full() -> None:
    given = address("10.0.0.5", "10.0.0.0/24", "dhcp", gateway="10.0.0.1", dns=("10.0.0.2",))
    static = address("10.1.0.5", "10.1.0.0/16", gateway="10.1.0.1", routes=(("10.9.0.0/24", "10.1.0.9"),),
                     dns=("9.9.9.9",))  # fmt: skip
    six, alone = (
        address("2001:db8::5", "2001:db8::/64", gateway="2001:db8::1"),
        address("fd00::5", "fd00::/64", "slaac"),
    )
    nics = tuple(
        Interface(port_id=f"p{n}", tap=f"tap{n}", mac="fa:16:3e:00:00:01", mtu=1450, network_id=f"n{n}", addresses=has)
        for n, has in enumerate([(given, alone), (static, six)])
    )
    found = openstack.network_data(particulars(interfaces=nics))
    assert found["networks"] == [
        {"id": "network0", "type": "ipv4_dhcp", "link": "tap0", "network_id": "n0"},
        {"id": "network1", "type": "ipv6_slaac", "link": "tap0", "network_id": "n0"},
        {"id": "network2", "type": "ipv4", "link": "tap1", "network_id": "n1", "ip_address": "10.1.0.5",
         "netmask": "255.255.0.0", "services": [{"type": "dns", "address": "9.9.9.9"}],
         "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.1.0.1"},
                    {"network": "10.9.0.0", "netmask": "255.255.255.0", "gateway": "10.1.0.9"}]},
        {"id": "network3", "type": "ipv6", "link": "tap1", "network_id": "n1", "ip_address": "2001:db8::5",
         "netmask": "ffff:ffff:ffff:ffff::", "services": [],
         "routes": [{"network": "::", "netmask": "::", "gateway": "2001:db8::1"}]},
    ]  # fmt: skip
    assert found["services"] == [{"type": "dns", "address": "9.9.9.9"}]
    assert [link["mtu"] for link in found["links"]] == [1450, 1450]
