"""A compute host for tests: the real agent on a fake hypervisor, and a bus that keeps what is sent."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from iaas import errors
from iaas.clock import ManualClock
from iaas.compute.agent.disks import FakeDisks
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.service import ComputeAgent
from iaas.compute.agent.transfer import FakeMover
from iaas.compute.virt.fake import FakeDriver, FakeHypervisor
from iaas.host.executor import Executor, Inline, Job
from iaas.model.order import Action, GuestSpec, Heartbeat, ImageSource, Order, Report, Resources
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Method

RESOURCES = Resources(
    vcpus=8, ram_mb=8192, disk_gb=100, hypervisor_type="fake", hypervisor_version=1000000,
    hypervisor_hostname="host1", cpu_arch="x86_64", host_ip="192.0.2.1",
)  # fmt: skip


class Postbox:
    """A bus at the leaf: keeps casts; ``down`` is a broker that is away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.down = False
        self.answers: dict[str, Any] = {}  # to calls, by method

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> Any:
        if self.down:
            raise errors.Unavailable("no broker")
        self.sent.append((method.name, next(iter(arguments.values()))))
        return self.answers.get(method.name, ())

    @property
    def reports(self) -> list[Report]:
        return [value for name, value in self.sent if name == "report"]

    @property
    def final(self) -> list[Report]:
        return [report for report in self.reports if report.done]

    @property
    def beats(self) -> list[Heartbeat]:
        return [value for name, value in self.sent if name == "heartbeat"]


class Later:
    """An executor that runs a job when the test says so: ``go()`` runs the oldest."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def go(self) -> None:
        self.jobs.pop(0)()


class Host:
    """``reboot_agent`` is the death and new start of the daemon; guests, disks and files stay."""

    def __init__(self, state_dir: Path) -> None:
        self.clock = ManualClock()
        self.hypervisor = FakeHypervisor()
        self.disks = FakeDisks()
        self.instances = Instances(state_dir, durable=False)
        self.state_dir = state_dir
        self.post = Postbox()
        self.agent = self.reboot_agent()

    def reboot_agent(self, executor: Executor | None = None) -> ComputeAgent:
        self.driver = FakeDriver(self.hypervisor, RESOURCES)
        self.agent = ComputeAgent(
            host="host1", driver=self.driver, disks=self.disks, instances=self.instances,
            mover=FakeMover(self.disks), peers=ComputeRpc(self.post),
            conductor=ConductorRpc(self.post), clock=self.clock, heavy=executor or Inline(),
            light=executor or Inline(), reserved_ram_mb=512, reserved_disk_gb=2,
        )  # fmt: skip
        return self.agent

    def in_touch(self) -> None:
        """The conductor has said what is this host's own, long enough ago that nothing waits from before."""
        self.agent.beat()
        self.clock.advance(5.0)

    def give(self, order: Order) -> Report | None:
        """Hands the order over; the last final report that it led to, if any."""
        before = len(self.post.final)
        self.agent.endpoint.execute(order)
        new = self.post.final[before:]
        return new[-1] if new else None

    def build(self, guest: GuestSpec | None = None, fence: int = 1) -> GuestSpec:
        guest = guest or spec()
        report = self.give(order(Action.BUILD, guest, fence=fence))
        assert report and report.error is None, report
        return guest

    def leftovers(self) -> list[str]:
        """Everything that a server may leave on this host, records of fences excepted."""
        files = [str(path) for path in (self.state_dir / "instances").rglob("*")]
        return [*self.hypervisor.domains, *self.disks.made, *files]


def image(**changes: Any) -> ImageSource:
    source = ImageSource(
        id=str(uuid.uuid4()), url="http://127.0.0.1:1/v2/images/x/file", token="secret-token", format="qcow2",
        size=1000, hash_algo="sha512", hash_value="ab" * 64, virtual_size=1 << 20,
    )  # fmt: skip
    return replace(source, **changes)


def spec(**changes: Any) -> GuestSpec:
    guest = GuestSpec(
        server_id=str(uuid.uuid4()), name="web", project_id="p", user_id="u", flavor="m1", vcpus=1, ram_mb=64,
        disk_gb=1, ephemeral_gb=0, swap_mb=0, image=image(), nics=(),
    )  # fmt: skip
    return replace(guest, **changes)


def order(action: Action, guest: GuestSpec | str, *, fence: int = 1, **changes: Any) -> Order:
    """An order of an operation of its own, unless ``operation_id`` says otherwise."""
    server_id = guest if isinstance(guest, str) else guest.server_id
    made = Order(
        operation_id=str(uuid.uuid4()), step=action.value, fence=fence, attempt=1, server_id=server_id,
        action=action, guest=None if isinstance(guest, str) else guest,
    )  # fmt: skip
    return replace(made, **changes)
