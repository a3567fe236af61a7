"""Gathers the evidence: the database, every host's inventory over the bus, the image store, the dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iaas.db import audit, services
from iaas.db.engine import Database
from iaas.errors import Error
from iaas.image.store import Store
from iaas.model.order import ComputeInventory
from iaas.model.volume_order import VolumeInventory
from iaas.model.wiring import NetworkInventory
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.network import NetworkAgentRpc
from iaas.rpc.volume import VolumeRpc


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """``stored``: blob name -> bytes in the store (None: the store was not looked at). Hosts by name."""

    facts: audit.Facts
    compute: Mapping[str, ComputeInventory] = field(default_factory=dict)
    network: Mapping[str, NetworkInventory] = field(default_factory=dict)
    volume: Mapping[str, VolumeInventory] = field(default_factory=dict)
    stored: Mapping[str, int] | None = None
    dead_letters: int = 0
    silent: tuple[str, ...] = ()  # "binary on host": could not be asked, so nothing is said of it


@dataclass(frozen=True, kw_only=True)
class Witnesses:
    """Who is asked."""

    database: Database
    compute: ComputeRpc
    network: NetworkAgentRpc
    volume: VolumeRpc
    store: Store | None


def gather(witnesses: Witnesses, dead_letters: int = 0) -> Evidence:
    """Hosts first, the database last: a thing made meanwhile has its row (C-14), so it is not taken for a stray."""
    compute: dict[str, ComputeInventory] = {}
    network: dict[str, NetworkInventory] = {}
    volume: dict[str, VolumeInventory] = {}
    silent: list[str] = []
    with witnesses.database.read() as tx:
        daemons = services.all_of(tx)
    for daemon in daemons:
        try:
            if daemon.binary == "iaas-compute":
                compute[daemon.host] = witnesses.compute.inventory(daemon.host)
            elif daemon.binary == "iaas-network":
                network[daemon.host] = witnesses.network.inventory(daemon.host)
            elif daemon.binary == "iaas-volume":
                volume[daemon.host] = witnesses.volume.inventory(daemon.host)
        except Error as error:
            silent.append(f"{daemon.binary} on {daemon.host}: {error.message}")
    stored = None
    if witnesses.store:
        stored = {blob.name: blob.size for blob in witnesses.store.inventory() if not blob.partial}
    with witnesses.database.read() as tx:
        facts = audit.facts(tx)
    return Evidence(
        facts=facts, compute=compute, network=network, volume=volume, stored=stored,
        dead_letters=dead_letters, silent=tuple(silent),
    )  # fmt: skip
