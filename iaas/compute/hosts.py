"""What is claimed on one compute host, and by which projects."""

from __future__ import annotations

from collections.abc import Mapping

from iaas.compute.service import Compute
from iaas.db.compute import nodes
from iaas.errors import NotFound
from iaas.model.node import Node


def usage(compute: Compute, host: str) -> tuple[Node, Mapping[str, tuple[int, int, int]]]:
    """The host, and by project the vCPUs, MiB and GiB that it has claimed there. Raises NotFound."""
    with compute.database.read() as tx:
        node = nodes.of_host(tx, host)
        if node is None:
            raise NotFound(f"Compute host {host[:64]} could not be found.")
        return node, nodes.claimed_by_project(tx, host)
