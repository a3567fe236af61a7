"""The whole cloud in one process: real API logic, conductor, scheduler, network controller and agents, compute
agents, on an in-memory bus, SQLite, and fakes at the leaves (hypervisor, disks, data plane).

``settle()`` instead of sleep: it delivers messages, lets the periodic work run and moves the clock until nothing is
left to do. A daemon that dies at a failpoint is restarted as its supervisor would, with nothing but what the database,
the broker and the host kept.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha512
from pathlib import Path
from typing import Any

from iaas import context as contexts
from iaas import failpoints
from iaas.audit.evidence import Witnesses, gather
from iaas.audit.invariants import Violation, violations
from iaas.bus.client import Client
from iaas.bus.inproc import InprocTransport
from iaas.bus.server import Server
from iaas.clock import ManualClock
from iaas.compute.agent.disks import FakeDisks
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.service import ComputeAgent
from iaas.compute.agent.transfer import FakeMover
from iaas.compute.facade import ComputeFacade
from iaas.compute.service import QUOTA_DEFAULTS, Compute
from iaas.compute.virt.fake import FakeDriver, FakeHypervisor
from iaas.conductor.service import ConductorService, Parts
from iaas.config import sections
from iaas.context import Context
from iaas.db import operations, services
from iaas.db.compute import flavors, servers
from iaas.db.engine import Database
from iaas.errors import Conflict, Error, Unavailable
from iaas.host.executor import Inline
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.ids import new_request_id, new_uuid
from iaas.image import services as image_services
from iaas.image.facade import ImageFacade
from iaas.image.sweep import sweep
from iaas.image.upload import upload as receive
from iaas.model.flavor import Flavor
from iaas.model.operation import Operation
from iaas.model.order import Heartbeat, Resources, Upload
from iaas.model.server import Server as ServerValue
from iaas.network.agent.loop import Loop
from iaas.network.agent.manager import NetworkAgentManager
from iaas.network.controller import Controller
from iaas.network.drivers.driver import DriverSettings
from iaas.network.drivers.fake import FakeDriver as FakeNetwork
from iaas.network.facade import NetworkFacade
from iaas.network.settings import RESOURCES, Settings
from iaas.network.waiting import ring
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.network import NetworkAgentRpc, NetworkRpc
from iaas.rpc.scheduler import SchedulerRpc
from iaas.rpc.volume import VolumeRpc
from iaas.scheduler.manager import Manager as SchedulerManager
from iaas.volume.agent.service import VolumeAgent
from iaas.volume.drivers.driver import DriverSettings as VolumeSettings
from iaas.volume.drivers.fake import FakeBackend
from iaas.volume.drivers.fake import FakeDriver as FakeVolumes
from iaas.volume.facade import VolumeFacade
from iaas.volume.service import VolumeServices

FLAVOR = Flavor(id="42", name="m1.nano", ram_mb=128, disk_gb=1, vcpus=1)
PROJECT = "b" * 32


class Inbox:
    """The conductor's pool in a test: work runs when the cloud is told to, in the test's thread."""

    def __init__(self) -> None:
        self.work: list[tuple[Callable[[str], None], str]] = []

    def submit(self, function: Callable[[str], None], argument: str, /) -> Future[None]:
        self.work.append((function, argument))
        return Future()


class Host:
    """A compute host: what survives its daemons (guests, disks, data plane), and the daemons."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name
        self.address = f"198.51.100.{name.removeprefix('host')}"  # its end of tunnels
        self.hypervisor, self.disks = FakeHypervisor(), FakeDisks()
        self.state, self.address = cloud.root / name, f"192.0.2.{10 + len(cloud.hypervisors)}"
        settings = DriverSettings(
            state_dir=self.state, domain="t", metadata_url="http://127.0.0.1:1", metadata_secret=""
        )
        self.network = FakeNetwork(settings)
        self.resources = Resources(
            vcpus=8, ram_mb=8192, disk_gb=100, hypervisor_type="fake", hypervisor_version=1000,
            hypervisor_hostname=name, cpu_arch="x86_64", host_ip=self.address,
        )  # fmt: skip
        cloud.hypervisors[self.address] = self.hypervisor
        self.hypervisor.peers = cloud.hypervisors
        self.mover = FakeMover(self.disks, self.address)
        self.up = True
        self.wired = True  # False: the network agent is dead
        self.start()

    def start(self) -> None:
        """Both daemons, anew."""
        bus = self.cloud.bus
        self.agent = ComputeAgent(
            host=self.name, address=self.address, driver=FakeDriver(self.hypervisor, self.resources), disks=self.disks,
            instances=Instances(self.state, durable=False), mover=self.mover, conductor=ConductorRpc(Client(bus)),
            peers=ComputeRpc(Client(bus)), clock=self.cloud.clock, heavy=Inline(), light=Inline(),
            send=self.cloud.take_image,
        )  # fmt: skip
        self.loop = Loop(
            host=self.name, rpc=NetworkRpc(Client(bus)), driver=self.network, physical={"physnet1": "br-ex"},
            clock=self.cloud.clock, jitter=lambda: 0.5,
        )  # fmt: skip
        self.boot_id = new_uuid()
        manager = NetworkAgentManager(self.loop.look, self.network)
        self.servers = [
            Server(bus, ComputeRpc, self.agent.endpoint, host=self.name, clock=self.cloud.clock).start(),
            Server(bus, NetworkAgentRpc, manager, host=self.name, clock=self.cloud.clock).start(),
        ]
        self.up = True

    def kill(self) -> None:
        for server in self.servers:
            server.stop(0)
        self.up = False

    def restart(self) -> None:
        self.kill()
        self.start()

    def tick(self) -> None:
        if not self.up:
            return
        self.agent.look()
        self.agent.beat()
        if not self.wired:
            return
        ConductorRpc(Client(self.cloud.bus)).heartbeat(
            Heartbeat(
                binary="iaas-network", host=self.name, boot_id=self.boot_id, pid=1, rss_kb=1, address=self.address,
            )
        )  # fmt: skip
        with suppress(Error):
            self.loop.round()


class VolumeHost:
    """A volume host: what survives its daemon (the back end, the fences), and the daemon."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name, self.backend = cloud, name, FakeBackend()
        self.state = cloud.root / f"volume-{name}"
        self.start()

    def start(self) -> None:
        bus, clock = self.cloud.bus, self.cloud.clock
        self.agent = VolumeAgent(
            host=self.name, address="192.0.2.9", driver=FakeVolumes(VolumeSettings(state_dir=self.state), self.backend),
            state_dir=self.state, durable=False, conductor=ConductorRpc(Client(bus)), executor=Inline(),
        )  # fmt: skip
        self.boot_id, self.up = new_uuid(), True
        self.server = Server(bus, VolumeRpc, self.agent.endpoint, host=self.name, clock=clock).start()

    def kill(self) -> None:
        self.server.stop(0)
        self.up = False

    def restart(self) -> None:
        self.kill()
        self.start()

    def tick(self) -> None:
        if self.up:
            self.agent.look()
            ConductorRpc(Client(self.cloud.bus)).heartbeat(
                Heartbeat(
                    binary="iaas-volume", host=self.name, boot_id=self.boot_id, pid=1, rss_kb=1,
                    backend=self.agent.backend(),
                )
            )  # fmt: skip
            self.agent.flush()
            self.agent.tidy()


class Cloud:
    """One cloud. ``daemons`` can be killed and are started again by name. ``add_volumes`` adds volume hosts."""

    def __init__(self, root: Path, database: Database, clock: ManualClock, hosts: int = 2) -> None:
        self.root, self.database, self.clock = root, database, clock
        self.bus = InprocTransport(clock=clock)
        self.conductor_options = sections.Conductor()
        self.hypervisors: dict[str, FakeHypervisor] = {}  # by address: guests can move between them
        client = Client(self.bus, clock=clock)
        self.settings = Settings(
            look=NetworkAgentRpc(client).look, physical={"physnet1": "br-ex"},
            limits=dict.fromkeys(RESOURCES, 1000),
        )  # fmt: skip
        self.network, self.image = NetworkFacade(self.settings), ImageFacade()
        auth = sections.Auth(key_repository=str(root / "keys"), bcrypt_rounds=4)
        self.identity = IdentityFacade.open(database, auth)
        self.identity.bootstrap("secret", {"identity": Urls("http://127.0.0.1:1/v3")})
        self.conductor_rpc = ConductorRpc(client)
        self.volumes = VolumeServices(database=database, conductor=self.conductor_rpc)
        self.compute = Compute(
            database=database, volume=VolumeFacade(self.volumes),
            image=self.image, network=self.network, conductor=self.conductor_rpc,
            hosts=ComputeRpc(client), quota={**sections_quota(), "instances": 100, "cores": 1000, "ram": 10**6},
        )  # fmt: skip
        self.context = Context(
            request_id=new_request_id(), user_id="a" * 32, project_id=PROJECT, roles=("member", "reader")
        )
        options = sections.Image(directory=str(root / "images"))
        self.images = image_services.make(database, options)
        self.volume_hosts: dict[str, VolumeHost] = {}
        self.servers: dict[str, list[Server]] = {}
        self.conductor_options = sections.Conductor()
        for name in ("conductor", "scheduler", "controller"):
            self.start(name)
        self.hosts = {f"host{number}": Host(self, f"host{number}") for number in range(1, hosts + 1)}
        database.run(lambda tx: flavors.insert(tx, FLAVOR))
        self.tick()

    def add_volumes(self, hosts: int) -> None:
        for name in (f"volume{number}" for number in range(1, hosts + 1)):
            self.volume_hosts[name] = VolumeHost(self, name)
        self.tick()

    # -- daemons --------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        self.servers[name] = [getattr(self, f"_{name}")().start()]

    def kill(self, name: str) -> None:
        if host := self.hosts.get(name) or self.volume_hosts.get(name):
            host.kill()
            return
        for server in self.servers[name]:
            server.stop(0)

    def restart(self, name: str) -> None:
        self.kill(name)
        host = self.hosts.get(name) or self.volume_hosts.get(name)
        host.start() if host else self.start(name)

    def _conductor(self) -> Server:
        self.inbox = Inbox()
        parts = Parts(
            database=self.database, bus=Client(self.bus, clock=self.clock), network=self.network, image=self.image,
            volume=VolumeFacade(self.volumes), compute=ComputeFacade(database=self.database, network=self.network),
            identity=self.identity, image_url="http://127.0.0.1:1", options=self.conductor_options, owner=new_uuid(),
        )  # fmt: skip
        self.conductor = ConductorService(parts, self.inbox)
        return Server(self.bus, ConductorRpc, self.conductor.endpoint, clock=self.clock)

    def _scheduler(self) -> Server:
        manager = SchedulerManager(self.database, sections.Scheduler())
        return Server(self.bus, SchedulerRpc, manager, clock=self.clock)

    def _controller(self) -> Server:
        self.controller = Controller(self.database, self.settings, partial(ring, self.conductor_rpc.run))
        return Server(self.bus, NetworkRpc, self.controller, clock=self.clock)

    # -- the image API -------------------------------------------------------------------------------------------

    def take_image(self, upload: Upload, path: Path, progress: Callable[[], None]) -> None:
        """As iaas.host.image_send, without HTTP: the ticket is checked, then the image service's own logic runs."""
        progress()
        sweep(self.images)  # a host that tries again waits longer than it takes the image service to sweep
        assert self.identity.authenticate_upload(upload.token).may_upload == upload.image_id
        with self.database.read() as tx:
            image = self.image.get(tx, contexts.system(), upload.image_id)
        with path.open("rb") as file, suppress(Conflict):
            try:
                receive(self.images, image, file, path.stat().st_size)
            except failpoints.Crash as death:  # of the image service: its client sees a connection that breaks
                raise Unavailable("The image service did not take the image.", resource="image") from death
        with self.database.read() as tx:
            image = self.image.get(tx, contexts.system(), upload.image_id)
        if image.hash_value != sha512(path.read_bytes()).hexdigest():
            raise Conflict("The image is being uploaded.")

    # -- time and messages ----------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Messages and the conductor's work, until quiet; whoever dies is restarted and it goes on."""
        for _ in range(1000):
            try:
                self.bus.drain()
                if not self.inbox.work:
                    return
                function, operation_id = self.inbox.work.pop(0)
                function(operation_id)
            except failpoints.Crash as death:
                self.bury(str(death))
            if self.bus.crashes:
                _, death = self.bus.crashes.pop()
                self.bury(str(death))
        raise AssertionError("not quiet")

    def bury(self, point: str) -> None:
        """Restarts the daemon in whose code the failpoint stands."""
        owner = point.partition(".")[0]
        if owner in ("compute", "network"):
            for name in self.hosts:
                self.restart(name)
        elif owner == "volume":
            for name in self.volume_hosts:
                self.restart(name)
        elif owner in ("conductor", "scheduler"):
            self.restart(owner)

    def tick(self, seconds: float = 2.0) -> None:
        """A moment passes: heartbeats, looks, the sweeper."""
        self.clock.advance(seconds)
        for host in (*self.hosts.values(), *self.volume_hosts.values()):
            try:
                host.tick()
            except failpoints.Crash as death:
                self.bury(str(death))
        self.conductor_rpc.heartbeat(
            Heartbeat(binary="iaas-conductor", host="controller", boot_id=self.conductor.engine.owner, pid=1, rss_kb=1)
        )
        self.deliver()
        sweep(self.images)
        try:
            self.conductor.flush()
            self.conductor.sweep()
            self.conductor.renew()
            self.controller.repair()
        except failpoints.Crash as death:
            self.bury(str(death))
        self.deliver()

    def settle(self, rounds: int = 90, after: int = 3) -> None:
        """Until no operation is live and, ``after`` more moments, the hosts are as wished: what is level-triggered
        catches up. Fails after ``rounds`` moments of two seconds."""
        self.deliver()
        for _ in range(rounds):
            self.tick()
            if not self.live():
                for _ in range(after):
                    self.tick()
                return
        raise AssertionError(f"not settled: {self.live()}")

    # -- what tests ask -------------------------------------------------------------------------------------------

    def live(self) -> list[Operation]:
        with self.database.read() as tx:
            return [found for id in operations.all_live(tx) if (found := operations.get(tx, id))]

    def server(self, server_id: str) -> ServerValue:
        with self.database.read() as tx:
            return servers.get(tx, server_id, deleted=True)

    def guests(self, server_id: str) -> list[str]:
        """The hosts that have a guest for the server, defined or running."""
        return [name for name, host in self.hosts.items() if server_id in host.hypervisor.domains]

    def audit(self) -> list[Violation]:
        client = Client(self.bus, clock=self.clock)
        witnesses = Witnesses(
            database=self.database, compute=ComputeRpc(client), network=NetworkAgentRpc(client),
            volume=VolumeRpc(client), stores=None,
        )  # fmt: skip
        evidence = gather(witnesses, len(self.bus.dead_letters(100)))
        return violations(replace(evidence, stored=None))

    def services(self) -> list[tuple[str, str]]:
        with self.database.read() as tx:
            return [(service.binary, service.host) for service in services.all_of(tx)]


def sections_quota() -> dict[str, int]:
    quota = sections.Quota()
    return {name: getattr(quota, name) for name in QUOTA_DEFAULTS}


def arm(point: str, action: str = "crash") -> None:
    failpoints.arm(f"{point}={action}")


def every(prefix: str) -> list[str]:
    return [point for point in failpoints.points() if point.startswith(prefix)]


Anything = Any
