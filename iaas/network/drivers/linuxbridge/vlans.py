"""VLANs of a physical network: a sub-interface ``vl-…`` of the trunk, as a member of the network's bridge.

The trunk is the device that ``physical_networks`` names: the bridge that flat networks use, or a bare NIC. Where the
kernel has 8021q the sub-interface is its; elsewhere it is a veth, and what its other end ``vp-…`` does is in tc_bpf.py.
The frames on the wire are the same. A record says which trunk and which tag, so that a removal finds the trunk's filter
when the devices are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from iaas import failpoints
from iaas.errors import NotFound
from iaas.host import netlink
from iaas.host.exec import CommandFailed, Runner
from iaas.host.netlink import Link
from iaas.model.wiring import vlan_name
from iaas.network.agent.steps import Vlan
from iaas.network.drivers.linuxbridge import bridges, tc_bpf
from iaas.network.drivers.linuxbridge.records import Records

_RECORD = "vlan"
_SECONDS = 10.0
_ID = 1  # IFLA_VLAN_ID
_LACKING = ("Unknown device type", "Operation not supported")


class Vlans:
    def __init__(self, runner: Runner, records: Records) -> None:
        self._runner = runner
        self._records = records
        self._native: bool | None = None  # whether the kernel has 8021q; not known before the first device

    def found(self, network_ids: Iterable[str], links: Mapping[str, Link]) -> tuple[Vlan, ...]:
        """The VLANs that are as they were last wanted."""
        wanted = (self._records.read(id, _RECORD, Vlan) for id in network_ids)
        return tuple(vlan for vlan in wanted if vlan is not None and _stands(vlan, links))

    def ensure(self, wanted: Vlan) -> None:
        """Raises NotFound without the trunk or the bridge; Internal when the kernel can do it neither way."""
        links, name = netlink.links(), vlan_name(wanted.network_id)
        for device in (wanted.trunk, wanted.bridge):
            if device not in links:
                raise NotFound.of("device", device)
        before = self._records.read(wanted.network_id, _RECORD, Vlan)
        if before is not None and (before.trunk, before.vid) != (wanted.trunk, wanted.vid):
            self.remove(wanted.network_id)
            links = netlink.links()
        self._records.claim(wanted.network_id)
        self._records.write(wanted.network_id, _RECORD, wanted)
        failpoints.hit("network.agent.before_vlan")
        if name not in links and not self._add_native(name, wanted):
            bridges.batch(self._runner, [f"link add {name} type veth peer name {_far(name)}"])
        failpoints.hit("network.agent.after_vlan")
        links = netlink.links()
        if links[name].kind == "veth":
            self._connect(wanted, links)
        bridges.batch(
            self._runner, [f"link set {name} mtu {int(wanted.mtu)} master {wanted.bridge}", f"link set {name} up"]
        )

    def remove(self, network_id: str) -> None:
        """The trunk's filter first: it must not lead to a device that later has the same number."""
        before, name = self._records.read(network_id, _RECORD, Vlan), vlan_name(network_id)
        links = netlink.links()
        if before is None and name not in links:
            return
        failpoints.hit("network.agent.before_vlan_removed")
        if before is not None and before.trunk in links:
            self._disconnect(before, links)
        if name in links:
            bridges.batch(self._runner, [f"link delete {name}"])
        self._records.remove(network_id, _RECORD)

    def _add_native(self, name: str, wanted: Vlan) -> bool:
        """False: the kernel has no 8021q."""
        if self._native is False:
            return False
        argv = ["ip", "link", "add", "link", wanted.trunk, "name", name, "type", "vlan", "id", str(int(wanted.vid))]
        result = self._runner.run(argv, timeout=_SECONDS, ok_codes=range(256))
        lacking = result.code != 0 and any(words in result.stderr for words in _LACKING)
        if result.code != 0 and not lacking:
            raise CommandFailed("ip", result)
        self._native = not lacking
        return self._native

    def _connect(self, wanted: Vlan, links: Mapping[str, Link]) -> None:
        far, trunk = links[_far(vlan_name(wanted.network_id))], links[wanted.trunk]
        switch = Path(f"/proc/sys/net/ipv6/conf/{far.name}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")
        tc_bpf.attach_tag(far.index, wanted.vid, trunk.index)
        failpoints.hit("network.agent.after_vlan_tag")
        tc_bpf.attach_untag(trunk.index, wanted.vid, far.index)
        failpoints.hit("network.agent.after_vlan_untag")
        # the trunk must take frames for MACs that are not its own, as it would for a sub-interface of the kernel's
        bridges.batch(self._runner, [f"link set {far.name} up", f"link set {trunk.name} promisc on"])

    def _disconnect(self, before: Vlan, links: Mapping[str, Link]) -> None:
        """Another network may have the tag by now: its filter leads to another living device, and stays."""
        trunk, far = links[before.trunk], links.get(_far(vlan_name(before.network_id)))
        filters = tc_bpf.filters(trunk.index)
        others = {tc_bpf.untag_name(before.vid, link.index) for link in links.values() if link is not far}
        if before.vid in filters and filters[before.vid] not in others:
            tc_bpf.detach(trunk.index, before.vid)
            del filters[before.vid]
            if trunk.promiscuous and not filters:
                bridges.batch(self._runner, [f"link set {trunk.name} promisc off"])


def _far(name: str) -> str:
    return "vp-" + name.removeprefix("vl-")


def _stands(vlan: Vlan, links: Mapping[str, Link]) -> bool:
    link, trunk = links.get(vlan_name(vlan.network_id)), links.get(vlan.trunk)
    if link is None or trunk is None:
        return False
    whole = link.up and link.mtu == vlan.mtu and bridges.master(links, link.name) == vlan.bridge
    if link.kind == "vlan":
        return whole and link.peer == trunk.index and link.details.get(_ID) == vlan.vid.to_bytes(2, "little")
    far = links.get(_far(link.name))
    return (
        whole
        and trunk.promiscuous
        and far is not None
        and far.up
        and link.peer == far.index
        and tc_bpf.filters(far.index).get(1) == tc_bpf.tag_name(vlan.vid, trunk.index)
        and tc_bpf.filters(trunk.index).get(vlan.vid) == tc_bpf.untag_name(vlan.vid, far.index)
    )
