"""Gathers the evidence: the database, every host's inventory over the bus, the image store, the dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iaas.db import audit, services
from iaas.db.engine import Database
from iaas.errors import Error
from iaas.image.store_set import StoreSet
from iaas.model.order import ComputeInventory
from iaas.model.service import L2
from iaas.model.volume_order import VolumeInventory
from iaas.model.wiring import NetworkInventory
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.network import NetworkAgentRpc
from iaas.rpc.volume import VolumeRpc

OLD_PART_S = 7200.0  # the image service removes what nobody writes to for an hour


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """``stored``: image store -> blob name -> bytes in it. None: the stores were not looked at; a read-only or silent
    one has None, one that is not configured is not there. Hosts by name. ``ratios``: how much of its vCPUs, RAM and
    disk a host may promise; empty: not judged."""

    facts: audit.Facts
    compute: Mapping[str, ComputeInventory] = field(default_factory=dict)
    network: Mapping[str, NetworkInventory] = field(default_factory=dict)
    volume: Mapping[str, VolumeInventory] = field(default_factory=dict)
    stored: Mapping[str, Mapping[str, int] | None] | None = None
    old_parts: tuple[str, ...] = ()  # names in the store of what was never completed
    ratios: tuple[float, ...] = ()
    dead_letters: int = 0
    silent: tuple[str, ...] = ()  # "binary on host": could not be asked, so nothing is said of it


@dataclass(frozen=True, kw_only=True)
class Witnesses:
    """Who is asked."""

    database: Database
    compute: ComputeRpc
    network: NetworkAgentRpc
    volume: VolumeRpc
    stores: StoreSet | None
    ratios: tuple[float, ...] = ()


def gather(witnesses: Witnesses, dead_letters: int = 0) -> Evidence:
    """Hosts first, the database last: a thing made meanwhile has its row (C-14), so it is not taken for a stray."""
    compute: dict[str, ComputeInventory] = {}
    network: dict[str, NetworkInventory] = {}
    volume: dict[str, VolumeInventory] = {}
    silent: list[str] = []
    with witnesses.database.read() as tx:
        known = [daemon for daemon in services.all_of(tx) if daemon.has_role(L2)]  # no mere controller
        asked = {(daemon.binary, daemon.host) for daemon in known} | audit.hosts(tx)
    for binary, host in sorted(asked):
        try:
            if binary == "iaas-compute":
                compute[host] = witnesses.compute.inventory(host)
            elif binary == "iaas-network":
                network[host] = witnesses.network.inventory(host)
            elif binary == "iaas-volume":
                volume[host] = witnesses.volume.inventory(host)
        except Error as error:
            silent.append(f"{binary} on {host}: {error.message}")
    stored, parts = _stored(witnesses.stores, silent) if witnesses.stores else (None, ())
    with witnesses.database.read() as tx:
        facts = audit.facts(tx)
    return Evidence(
        facts=facts,
        compute=compute,
        network=network,
        volume=volume,
        stored=stored,
        old_parts=parts,
        ratios=witnesses.ratios,
        dead_letters=dead_letters,
        silent=tuple(silent),
    )


def _stored(stores: StoreSet, silent: list[str]) -> tuple[dict[str, dict[str, int] | None], tuple[str, ...]]:
    """What is in each image store, and which parts in them are old. One that can't be asked has None."""
    found: dict[str, dict[str, int] | None] = {}
    parts: list[str] = []
    for place in stores.all:
        try:
            blobs = list(place.store.inventory())
        except Error as error:
            silent.append(f"image store {place.id}: {error.message}")
            found[place.id] = None
            continue
        sizes = {blob.name: blob.size for blob in blobs if not blob.partial}
        found[place.id] = None if place.store.READ_ONLY else sizes
        parts += [blob.name for blob in blobs if blob.partial and blob.age_s > OLD_PART_S]
    return found, tuple(parts)
