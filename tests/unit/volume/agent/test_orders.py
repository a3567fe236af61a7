"""How a volume host treats orders: once, in the order of their fences, and answered whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas import errors, failpoints
from iaas.host.executor import Job
from iaas.ids import new_uuid
from iaas.model.volume_order import Export, VolumeAction, VolumeOrder, VolumeReport
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Method
from iaas.volume.agent.service import VolumeAgent
from iaas.volume.drivers.driver import DriverSettings
from iaas.volume.drivers.fake import FakeBackend, FakeDriver

ID = new_uuid()
CREATE = VolumeOrder(operation_id="o1", step="create", fence=1, attempt=1, subject=ID, volume_id=ID,
                     action=VolumeAction.CREATE, size_gb=1)  # fmt: skip
UNDO = replace(CREATE, step="undo:create", action=VolumeAction.DELETE)
DELETE = replace(CREATE, operation_id="o2", step="delete", fence=2, action=VolumeAction.DELETE)


class Host:
    """One volume host: the backend, the directory and the broker survive a ``start``, the daemon does not."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.backend = directory, FakeBackend()
        self.reports: list[VolumeReport] = []
        self.away = self.full = False
        self.start()

    def start(self) -> None:
        self.jobs: list[Job] = []
        settings = DriverSettings(state_dir=self.directory, capacity_gb=10)
        self.agent = VolumeAgent(
            host="host1", address="192.0.2.9", driver=FakeDriver(settings, self.backend), state_dir=self.directory,
            durable=False, conductor=ConductorRpc(self), executor=self,
        )  # fmt: skip

    def submit(self, job: Job) -> None:
        if self.full:
            raise errors.Unavailable("The host has too many orders waiting.")
        self.jobs.append(job)

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> None:
        if self.away:
            raise errors.Unavailable("The broker is away.")
        self.reports.append(arguments["report"])

    def work(self) -> list[VolumeReport]:
        while self.jobs:
            self.jobs.pop(0)()
        reports, self.reports = self.reports, []
        return reports

    def do(self, *orders: VolumeOrder) -> list[VolumeReport]:
        for order in orders:
            self.agent.endpoint.execute(order)
        return self.work()

    @property
    def volumes(self) -> dict[str, int]:
        return self.backend.volumes


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    yield Host(tmp_path)
    failpoints.disarm()


def test_a_volume_is_made_and_removed_with_reports(host: Host) -> None:
    (made,) = host.do(CREATE)
    assert (made.done, made.error, made.host, made.fence, made.stale) == (True, None, "host1", 1, False)
    assert host.agent.endpoint.inventory().volumes == (ID,)
    (gone,) = host.do(DELETE)
    assert (gone.error, gone.step, host.volumes) == (None, "delete", {})


def test_the_same_order_again_is_ignored_at_work_and_answered_after(host: Host) -> None:
    """F-27."""
    (first,) = host.do(CREATE, CREATE, replace(CREATE, attempt=2))
    (again,) = host.do(replace(CREATE, attempt=3))
    assert again == first and host.backend.calls == [("create", ID)]


def test_an_older_fence_is_refused_also_after_a_restart(host: Host) -> None:
    """C-08, F-28: a creation that comes after the deletion makes nothing."""
    host.do(CREATE, DELETE)
    host.start()
    (answer,) = host.do(CREATE)
    assert answer.stale and answer.error is None and host.volumes == {}


def test_a_newer_order_waits_for_the_running_one_and_an_older_one_does_not_pass_it(host: Host) -> None:
    host.agent.endpoint.execute(CREATE)
    host.agent.endpoint.execute(DELETE)
    host.agent.endpoint.execute(replace(CREATE, operation_id="late"))
    stale, made, gone = host.work()
    assert stale.stale and [made.step, gone.step] == ["create", "delete"] and host.volumes == {}


def test_the_undo_of_a_creation_comes_under_the_same_fence(host: Host) -> None:
    made, gone = host.do(CREATE, UNDO)
    assert (made.error, gone.error, host.volumes) == (None, None, {})
    (again,) = host.do(CREATE)  # delivered once more: answered from memory, not done again
    assert again == made and host.volumes == {}


def test_a_failure_is_the_end_of_the_order_and_the_next_one_is_tried(host: Host) -> None:
    host.backend.broken = errors.Conflict("The volume is there already, in another size.")
    (answer,) = host.do(CREATE)
    assert (answer.error_kind, answer.error) == ("conflict", "The volume is there already, in another size.")
    host.backend.broken = None
    assert host.do(CREATE) == [answer]  # delivered twice
    assert host.do(replace(CREATE, attempt=2))[0].error is None  # sent anew


@pytest.mark.parametrize("failure", [errors.Unavailable("away"), errors.Timeout("slow")])
def test_a_report_never_asks_the_conductor_to_wait_for_itself(host: Host, failure: errors.Error) -> None:
    host.backend.broken = failure
    assert host.do(CREATE)[0].error_kind == "internal"


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (OSError(28, "No space left on device", "/var/lib/iaas/x"), "no_valid_host", "no space left"),
        (OSError(5, "Input/output error", "/var/lib/iaas/x"), "internal", "failed unexpectedly"),
        (ZeroDivisionError("/var/lib/iaas/x"), "internal", "failed unexpectedly"),
    ],
)
def test_a_failure_shows_no_path(host: Host, failure: Exception, kind: str, words: str) -> None:
    """S-071."""
    host.backend.broken = failure
    (answer,) = host.do(CREATE)
    assert answer.error_kind == kind and answer.error and words in answer.error and "/" not in answer.error


def test_no_more_is_promised_than_there_is_room_for(host: Host) -> None:
    host.do(replace(CREATE, size_gb=7))
    id = new_uuid()
    other = replace(CREATE, operation_id="o3", subject=id, volume_id=id, size_gb=4)
    (refused,) = host.do(other)
    assert refused.error_kind == "no_valid_host" and host.volumes == {ID: 7}
    assert host.do(replace(CREATE, size_gb=7, fence=2))[0].error is None  # what is there needs no further room
    host.do(replace(DELETE, fence=3))
    assert host.do(replace(other, fence=2))[0].error is None


def test_a_report_is_kept_while_the_broker_is_away(host: Host) -> None:
    """F-22."""
    host.away = True
    assert host.do(CREATE) == []
    host.away = False
    host.agent.flush()
    assert [report.error for report in host.work()] == [None]


def test_an_order_that_found_no_room_in_the_pool_is_taken_when_it_comes_again(host: Host) -> None:
    host.full = True
    with pytest.raises(errors.Unavailable):
        host.agent.endpoint.execute(CREATE)
    host.full = False
    assert host.do(CREATE)[0].error is None and host.volumes == {ID: 1}


@pytest.mark.parametrize(
    "point", [name for name in failpoints.points() if name.startswith(("volume.order.", "volume.create."))]
)
def test_a_creation_survives_the_death_of_the_agent_at(host: Host, point: str) -> None:
    """F-11: whatever was left, the next order ends well."""
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        host.do(CREATE)
    host.start()
    (answer,) = host.do(replace(CREATE, attempt=2))[-1:]
    assert answer.error is None and host.volumes == {ID: 1} and not host.backend.partials


@pytest.mark.parametrize(
    "point", [name for name in failpoints.points() if name.startswith(("volume.order.", "volume.delete."))]
)
def test_a_deletion_survives_the_death_of_the_agent_at(host: Host, point: str) -> None:
    """F-11."""
    host.do(CREATE)
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        host.do(DELETE)
    host.start()
    (answer,) = host.do(replace(DELETE, attempt=2))[-1:]
    assert answer.error is None and host.volumes == {}


@pytest.mark.parametrize("id", ["../x", "", "a" * 36, "5d7a0f6e3c1b4f0e9a582f4f8c3f9b11"])
def test_an_order_for_what_is_no_volume_is_answered(host: Host, id: str) -> None:
    """S-019."""
    (answer,) = host.do(replace(CREATE, subject=id, volume_id=id))
    assert answer.error_kind == "invalid" and host.volumes == {}


def test_a_damaged_record_lets_no_order_pass(host: Host) -> None:
    host.do(CREATE)
    (host.directory / "fences" / ID).write_text("garbage")
    host.start()
    (answer,) = host.do(DELETE)
    assert answer.error_kind == "internal" and host.volumes == {ID: 1}


SERVER = new_uuid()
EXPORT = Export(attachment_id=new_uuid(), volume_id=ID, name="n1")
SERVE = replace(CREATE, operation_id="o5", step="export", subject=SERVER, action=VolumeAction.EXPORT, exports=(EXPORT,),
                volume_id="", size_gb=0)  # fmt: skip


def test_the_exports_of_a_server_are_exactly_those_of_its_last_order(host: Host) -> None:
    host.do(CREATE)
    assert host.do(SERVE)[0].error is None
    other = replace(EXPORT, attachment_id=new_uuid(), name="n2")
    host.do(replace(SERVE, subject=new_uuid(), operation_id="o6", exports=(other,)))
    assert set(host.backend.served.values()) == set(host.agent.endpoint.inventory().exports) == {EXPORT, other}
    host.do(replace(SERVE, fence=2, exports=()))
    assert list(host.backend.served.values()) == [other]


def test_an_overtaken_export_is_refused_also_after_a_restart(host: Host) -> None:
    """C-08: an order to serve that comes after the one to stop serves nothing."""
    host.do(CREATE, SERVE, replace(SERVE, fence=2, step="unexport", exports=()))
    host.start()
    assert host.do(replace(SERVE, attempt=2))[0].stale and host.backend.served == {}


def test_what_was_served_is_served_again_after_a_death_of_either(host: Host) -> None:
    """F-66: nobody has to order it."""
    host.do(CREATE, SERVE)
    host.backend.die()
    host.agent.look()
    assert list(host.backend.served.values()) == [EXPORT]
    host.backend.die()
    host.start()
    host.agent.look()
    assert list(host.backend.served.values()) == [EXPORT]


@pytest.mark.parametrize("point", ["volume.exports.after_record", "volume.serve.before_add", "volume.serve.after_add"])
@pytest.mark.parametrize("exports", [(EXPORT,), ()], ids=["export", "unexport"])
def test_an_export_survives_the_death_of_the_agent_at(host: Host, point: str, exports: tuple[Export, ...]) -> None:
    host.do(CREATE, replace(SERVE, exports=() if exports else (EXPORT,)))
    failpoints.arm(f"{point}=crash")
    order = replace(SERVE, operation_id="o7", fence=2, exports=exports)
    with pytest.raises(failpoints.Crash):
        host.do(order)
    host.start()
    host.agent.look()
    assert host.do(replace(order, attempt=2))[-1].error is None
    assert tuple(host.backend.served.values()) == exports == host.agent.endpoint.inventory().exports


def test_an_export_of_what_is_not_there_fails_and_the_others_are_served(host: Host) -> None:
    host.do(CREATE)
    missing = Export(attachment_id=new_uuid(), volume_id=new_uuid(), name="n3")
    (answer,) = host.do(replace(SERVE, exports=(missing, EXPORT)))
    assert answer.error_kind == "not_found" and list(host.backend.served.values()) == [EXPORT]


def test_a_damaged_record_of_exports_stops_no_other(host: Host) -> None:
    host.do(CREATE, SERVE)
    (host.directory / "exports" / f"{new_uuid()}.json").write_text("[{")
    host.backend.die()
    host.start()
    host.agent.look()
    assert list(host.backend.served.values()) == [EXPORT]
