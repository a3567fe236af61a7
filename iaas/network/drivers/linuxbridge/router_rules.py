"""What nft does in a router's namespace, as text, and which known flows a change of it must end. Pure.

Floating addresses are two maps, one a direction. Guests behind one router who call each other's floating address get
the router's own as the caller's, so that the answer comes back through it. Nothing comes in that was not called for,
and nothing at all is forwarded that these rules do not name. IPv6 is not routed.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface

from iaas.network.agent.steps import Router

TABLE = "iaas"
FAMILIES = ("ip", "ip6")


def render(router: Router) -> str:
    """The whole ruleset: loading it replaces what is there in one atomic step, and flows that it still allows go on."""
    inside = sorted(
        {
            str(ip_interface(address).network)
            for leg in router.interfaces
            for address in leg.addresses
            if ":" not in address
        }
    )
    return "\n".join(
        [
            *(line for family in FAMILIES for line in (f"table {family} {TABLE}", f"delete table {family} {TABLE}")),
            f"table ip {TABLE} {{",
            _map("floating", [f"{floating} : {fixed}" for floating, fixed in router.floating]),
            _map("fixed", [f"{fixed} : {floating}" for floating, fixed in router.floating]),
            f"  set inside {{ type ipv4_addr; flags interval;{_elements(inside)} }}",
            *_CHAINS,
            "  chain postrouting { type nat hook postrouting priority srcnat; policy accept;",
            '    ct status dnat oifname "qr-*" ip saddr @inside masquerade comment "hairpin"',
            '    oifname "qg-*" snat to ip saddr map @fixed',
            *([f'    oifname "qg-*" snat to {router.snat}'] if router.snat else []),
            "  }",
            "  chain forward { type filter hook forward priority filter; policy drop;",
            "    ct state established,related accept",
            "    ct state invalid drop",
            '    iifname "qr-*" accept',
            '    iifname "qg-*" ct status dnat accept',
            *([] if router.snat else ['    iifname "qg-*" oifname "qr-*" ip daddr @inside accept']),
            "  }",
            "}",
            f"table ip6 {TABLE} {{",
            *_CHAINS6,
            "}",
            "",
        ]
    )


def forgotten(before: Router | None, now: Router | None) -> tuple[str, ...]:
    """Outer addresses whose known flows must end with the change: floating ones that lead elsewhere or nowhere, and a
    gateway's that is used no more (S-080)."""
    if before is None:
        return ()
    kept = set(now.floating) if now else set()
    lost = {floating for floating, fixed in before.floating if (floating, fixed) not in kept}
    if before.snat and (now is None or now.snat != before.snat):
        lost.add(before.snat)
    return tuple(sorted(lost))


def announced(before: Router | None, now: Router) -> Iterator[tuple[str, str]]:
    """(port of the leg, IPv4 address) that others may still know elsewhere."""
    known = {(leg.port_id, leg.mac, address) for leg in before.legs for address in leg.addresses} if before else set()
    for leg in now.legs:
        for address in leg.addresses:
            if ":" not in address and (leg.port_id, leg.mac, address) not in known:
                yield leg.port_id, address.split("/")[0]


def _map(name: str, elements: list[str]) -> str:
    return f"  map {name} {{ type ipv4_addr : ipv4_addr;{_elements(elements)} }}"


def _elements(items: list[str]) -> str:
    return f" elements = {{ {', '.join(items)} }};" if items else ""


_CHAINS = """\
  chain prerouting { type nat hook prerouting priority dstnat; policy accept;
    dnat to ip daddr map @floating
  }
  chain input { type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    ip protocol icmp accept
    iifname "qr-*" ip daddr 169.254.169.254 tcp dport 80 accept
  }""".splitlines()

_CHAINS6 = """\
  chain forward { type filter hook forward priority filter; policy drop; }
  chain input { type filter hook input priority filter; policy drop;
    iifname "lo" accept
    meta l4proto icmpv6 accept
  }""".splitlines()
