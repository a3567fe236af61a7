"""Networks, subnets, ports with their addresses, security groups, tags, and who serves DHCP where."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, project_column, uuid_key


def _described() -> list[sa.Column[object]]:
    return [
        sa.Column("name", sa.String(255), nullable=False, default=""),
        sa.Column("description", sa.String(255), nullable=False, default=""),
    ]


def _stamped() -> list[sa.Column[object]]:
    return [
        sa.Column("revision", sa.Integer, nullable=False, default=0),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    ]


networks = sa.Table(
    "networks",
    metadata,
    uuid_key(),
    project_column(),
    *_described(),
    sa.Column("admin_state_up", sa.Boolean, nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False, index=True),
    sa.Column("external", sa.Boolean, nullable=False, index=True),
    sa.Column("is_default", sa.Boolean, nullable=False, default=False),  # the way out of automatic networks
    sa.Column("port_security", sa.Boolean, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("physical_network", sa.String(64)),
    sa.Column("segmentation_id", sa.Integer),
    sa.Column("segment", sa.String(96), unique=True),  # "flat/physnet1": what can be used once; NULL for local
    sa.Column("mtu", sa.Integer, nullable=False),
    sa.Column("zone", sa.Integer, nullable=False, unique=True),  # conntrack zone, 1 … 65535
    *_stamped(),
    sa.Index(
        "uq_networks_is_default", "is_default", unique=True,
        sqlite_where=sa.text("is_default"), postgresql_where=sa.text("is_default"),
    ),
)  # fmt: skip

subnets = sa.Table(
    "subnets",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("network_id", sa.String(36), sa.ForeignKey("networks.id"), nullable=False, index=True),
    *_described(),
    sa.Column("ip_version", sa.Integer, nullable=False),
    sa.Column("cidr", sa.String(64), nullable=False),
    sa.Column("gateway_ip", sa.String(45)),
    sa.Column("enable_dhcp", sa.Boolean, nullable=False),
    sa.Column("pools", sa.JSON, nullable=False),  # [[first, last], …]
    sa.Column("dns_nameservers", sa.JSON, nullable=False),
    sa.Column("host_routes", sa.JSON, nullable=False),  # [[destination, next hop], …]
    sa.Column("ipv6_ra_mode", sa.String(16)),
    sa.Column("ipv6_address_mode", sa.String(16)),
    *_stamped(),
)

ports = sa.Table(
    "ports",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("network_id", sa.String(36), sa.ForeignKey("networks.id"), nullable=False, index=True),
    *_described(),
    sa.Column("mac", sa.String(17), nullable=False),
    sa.Column("admin_state_up", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # ACTIVE or DOWN
    sa.Column("device_id", sa.String(255), nullable=False, default="", index=True),
    sa.Column("device_owner", sa.String(255), nullable=False, default=""),
    # The server that the compute service plugs it into. device_id is what users may write; this is not.
    sa.Column("server_id", sa.String(36), index=True),
    # The router whose interface or gateway it is, as server_id: not for users to write.
    sa.Column("router_id", sa.String(36), index=True),
    # The revision that the host's agent, and that of the DHCP host, have reported as in force (C-24).
    sa.Column("wired_revision", sa.Integer, nullable=False, default=-1),
    sa.Column("served_revision", sa.Integer, nullable=False, default=-1),
    # While its server moves: the host that it is wired on besides, and what that host has reported.
    sa.Column("next_host", sa.String(255), index=True),
    sa.Column("next_wired_revision", sa.Integer, nullable=False, default=-1),
    sa.Column("position", sa.Integer, nullable=False, default=0),  # order of the server's interfaces
    sa.Column("made_for_server", sa.Boolean, nullable=False, default=False),  # goes when the server goes
    sa.Column("host", sa.String(255), index=True),
    sa.Column("vnic_type", sa.String(32), nullable=False),
    sa.Column("profile", sa.JSON, nullable=False),
    sa.Column("port_security", sa.Boolean, nullable=False),
    sa.Column("allowed_pairs", sa.JSON, nullable=False),  # [[mac, address or CIDR], …]
    *_stamped(),
    sa.UniqueConstraint("network_id", "mac"),
)

ip_allocations = sa.Table(
    "ip_allocations",
    metadata,
    sa.Column("subnet_id", sa.String(36), sa.ForeignKey("subnets.id"), primary_key=True),
    sa.Column("ip", sa.String(45), primary_key=True),  # canonical text
    sa.Column("port_id", sa.String(36), sa.ForeignKey("ports.id", ondelete="CASCADE"), nullable=False, index=True),
    # Distance from the subnet's first address, to find a gap; NULL beyond 2^62 (IPv6), where nobody searches.
    sa.Column("offset", sa.BigInteger),
    sa.Index("ix_ip_allocations_offset", "subnet_id", "offset"),
    sa.Index("ix_ip_allocations_ip", "ip"),
)

security_groups = sa.Table(
    "security_groups",
    metadata,
    uuid_key(),
    project_column(),
    *_described(),
    sa.Column("default_of", sa.String(64), unique=True),  # the project whose default group it is
    *_stamped(),
)

security_group_rules = sa.Table(
    "security_group_rules",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("group_id", sa.String(36), sa.ForeignKey("security_groups.id", ondelete="CASCADE"), nullable=False),
    sa.Column("description", sa.String(255), nullable=False, default=""),
    sa.Column("direction", sa.String(8), nullable=False),
    sa.Column("ip_version", sa.Integer, nullable=False),
    sa.Column("protocol", sa.String(16)),
    sa.Column("port_min", sa.Integer),
    sa.Column("port_max", sa.Integer),
    sa.Column("remote_cidr", sa.String(64)),
    sa.Column("remote_group_id", sa.String(36), sa.ForeignKey("security_groups.id"), index=True),
    sa.Column("signature", sa.String(255), nullable=False),  # what the rule does, so that none is there twice
    *_stamped(),
    sa.UniqueConstraint("group_id", "signature"),
)

port_groups = sa.Table(
    "port_security_groups",
    metadata,
    sa.Column("port_id", sa.String(36), sa.ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("group_id", sa.String(36), sa.ForeignKey("security_groups.id"), primary_key=True, index=True),
)

network_hosts = sa.Table(
    "network_hosts",
    metadata,
    sa.Column("network_id", sa.String(36), sa.ForeignKey("networks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False, index=True),  # whose agent runs the network's DHCP server
)

routers = sa.Table(
    "routers",
    metadata,
    uuid_key(),
    project_column(),
    *_described(),
    sa.Column("admin_state_up", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # ACTIVE once its host has reported this revision, else DOWN
    sa.Column("enable_snat", sa.Boolean, nullable=False, default=True),
    sa.Column("gateway_port_id", sa.String(36), unique=True),
    sa.Column("routes", sa.JSON, nullable=False),  # [[destination, next hop], …]
    sa.Column("host", sa.String(255), index=True),  # whose agent runs it
    *_stamped(),
)

floating_ips = sa.Table(
    "floating_ips",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("description", sa.String(255), nullable=False, default=""),
    sa.Column("network_id", sa.String(36), sa.ForeignKey("networks.id"), nullable=False, index=True),
    # Holds the address on the external network; device_owner network:floatingip
    sa.Column("own_port_id", sa.String(36), sa.ForeignKey("ports.id"), nullable=False, unique=True),
    sa.Column("ip", sa.String(45), nullable=False, index=True),
    sa.Column("port_id", sa.String(36), sa.ForeignKey("ports.id"), index=True),  # what it leads to
    sa.Column("fixed_ip", sa.String(45)),
    sa.Column("router_id", sa.String(36), sa.ForeignKey("routers.id"), index=True),
    sa.Column("status", sa.String(16), nullable=False),  # ACTIVE, DOWN
    sa.Column("made_for", sa.String(36), index=True),  # the server that got it by itself
    *_stamped(),
    sa.UniqueConstraint("port_id", "fixed_ip"),
)

network_tags = sa.Table(
    "network_tags",
    metadata,
    sa.Column("resource_id", sa.String(36), primary_key=True),  # of any noun of the network API
    sa.Column("tag", sa.String(255), primary_key=True, index=True),
)

# The network that a project got without a command. The row comes first, so that there is never a second network.
auto_topologies = sa.Table(
    "auto_topologies",
    metadata,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("cidr", sa.String(18), nullable=False, unique=True),  # what it has of the pool
    sa.Column("network_id", sa.String(36), sa.ForeignKey("networks.id", ondelete="CASCADE"), unique=True),
    sa.Column("router_id", sa.String(36), sa.ForeignKey("routers.id", ondelete="SET NULL"), unique=True),
)
