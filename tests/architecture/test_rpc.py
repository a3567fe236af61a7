"""Both ends of every wire fit: clients and endpoints of the contracts, interfaces and their leaves, fakes included."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any, get_type_hints

import pytest

import iaas.rpc
from bench.bus import Host as BenchHost
from iaas.bus import codec
from iaas.compute.agent.disks import DiskStore, FakeDisks, QemuDisks
from iaas.compute.agent.manager import ComputeManager
from iaas.compute.virt.driver import Driver
from iaas.compute.virt.fake import FakeDriver
from iaas.compute.virt.libvirt.driver import LibvirtDriver
from iaas.conductor.manager import Manager as ConductorManager
from iaas.image.store import Store
from iaas.image.stores.filesystem import FilesystemStore
from iaas.network.agent.manager import NetworkAgentManager
from iaas.network.controller import Controller
from iaas.network.drivers import fake as fake_network
from iaas.network.drivers.driver import NetworkDriver
from iaas.network.drivers.linuxbridge.driver import LinuxBridgeDriver
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Contract
from iaas.rpc.network import NetworkAgentRpc, NetworkRpc
from iaas.rpc.scheduler import SchedulerRpc
from iaas.rpc.volume import VolumeRpc
from iaas.scheduler.manager import Manager as SchedulerManager
from iaas.volume.agent.manager import VolumeManager
from iaas.volume.drivers import fake as fake_volume
from iaas.volume.drivers.driver import VolumeDriver
from iaas.volume.drivers.qcow2 import Qcow2Driver
from tests.contract.rpc_shapes import assert_serves
from tests.integration.network_rig import Controller as RigController

SERVED: dict[type[Contract], type] = {
    ComputeRpc: ComputeManager,
    ConductorRpc: ConductorManager,
    NetworkRpc: Controller,
    NetworkAgentRpc: NetworkAgentManager,
    SchedulerRpc: SchedulerManager,
    VolumeRpc: VolumeManager,
}
# Served in place of ours by tests and the bench.
STAND_INS: list[tuple[type[Contract], type]] = [(NetworkRpc, RigController), (ComputeRpc, BenchHost)]
LEAVES: list[tuple[type, type]] = [
    (Driver, LibvirtDriver), (Driver, FakeDriver), (DiskStore, QemuDisks), (DiskStore, FakeDisks),
    (NetworkDriver, LinuxBridgeDriver), (NetworkDriver, fake_network.FakeDriver), (VolumeDriver, Qcow2Driver),
    (VolumeDriver, fake_volume.FakeDriver), (Store, FilesystemStore),
]  # fmt: skip


def contracts() -> set[type[Contract]]:
    modules = (importlib.import_module(f"iaas.rpc.{info.name}") for info in pkgutil.iter_modules(iaas.rpc.__path__))
    found = (value for module in modules for value in vars(module).values())
    return {value for value in found if isinstance(value, type) and issubclass(value, Contract)} - {Contract}


def test_every_contract_has_its_endpoint_here() -> None:
    assert contracts() == set(SERVED)
    assert len({contract.TOPIC for contract in SERVED}) == len(SERVED), "topics are addresses"


@pytest.mark.parametrize(("contract", "endpoint"), [*SERVED.items(), *STAND_INS])
def test_an_endpoint_serves_its_contract(contract: type[Contract], endpoint: type) -> None:
    assert_serves(contract, endpoint)


@pytest.mark.parametrize(("contract", "endpoint"), SERVED.items())
def test_an_endpoint_takes_and_gives_the_types_of_its_contract(contract: type[Contract], endpoint: type) -> None:
    for name, method in contract.methods().items():
        hints = get_type_hints(getattr(endpoint, name))
        assert {key: hints[key] for key in method.parameters} == method.parameters, name
        assert hints["return"] == method.result, name


@pytest.mark.parametrize("contract", SERVED)
def test_the_versions_of_a_contract_name_all_of_its_methods_once(contract: type[Contract]) -> None:
    named = [name.strip() for _, names in contract.VERSIONS for name in names.split(",")]
    assert sorted(named) == sorted(contract.methods())
    assert [tuple(map(int, version.split("."))) for version, _ in contract.VERSIONS] == sorted(
        tuple(map(int, version.split("."))) for version, _ in contract.VERSIONS
    )


@pytest.mark.parametrize("contract", SERVED)
def test_what_a_contract_carries_can_be_read_from_the_wire(contract: type[Contract]) -> None:
    """Every type has a decoder; casts and hints answer nothing."""
    codec.Decoder(contract)
    for name, method in contract.methods().items():
        assert method.kind == "call" or method.result is type(None), name


@pytest.mark.parametrize(("interface", "leaf"), LEAVES)
def test_a_leaf_has_the_methods_of_its_interface(interface: type, leaf: type) -> None:
    """A fake that differs from the real one proves nothing."""
    wanted = {name: value for name, value in vars(interface).items() if inspect.isfunction(value) and name[0] != "_"}
    assert wanted
    for name, method in wanted.items():
        assert shape(getattr(leaf, name)) == shape(method), f"{leaf.__name__}.{name}"


def shape(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return [(item.name, item.kind, item.default) for item in parameters if item.name != "self"]
