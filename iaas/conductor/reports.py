"""Takes the hosts' reports: writes them into the journal by compare-and-swap, and lets the operation go on."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from iaas import failpoints
from iaas.db import operations
from iaas.db.compute import migrations
from iaas.db.engine import Database, Tx
from iaas.model.operation import LIVE
from iaas.model.order import Report
from iaas.model.volume_order import VolumeReport

log = logging.getLogger(__name__)


def accept(database: Database, report: Report | VolumeReport) -> bool:
    """Whether the operation may go on. A report under another fence, of another step, or of an ended operation is
    dropped: it tells of the past (C-08)."""
    if not report.done:
        if progress := report.data.get("progress"):
            database.run(lambda tx: _progress(tx, report, progress))
        return False
    failpoints.hit("conductor.report.before_write")
    accepted = database.run(lambda tx: _write(tx, report))
    if not accepted:
        log.info("report of %s %s under fence %d is stale", report.operation_id, report.step, report.fence)
    return accepted


def _write(tx: Tx, report: Report | VolumeReport) -> bool:
    operation = operations.get(tx, report.operation_id)
    if operation is None or operation.state not in LIVE or operation.fence != report.fence:
        return False
    line = next(
        (line for line in operations.lines(tx, [operation.id])
         if (line.round, line.step, line.host) == (operation.rounds, report.step, report.host)
         and line.finished_at is None), None
    )  # fmt: skip
    if line is None:
        return False
    if report.stale:
        log.warning("%s refused %s of %s as stale", report.host, report.step, operation.id)
        return False
    content: dict[str, Any] = asdict(report)
    operations.write_line(tx, operation, report.step, {"report": content, "host": report.host})
    operations.nudge(tx, [operation.id])
    return True


def _progress(tx: Tx, report: Report | VolumeReport, progress: dict[str, Any]) -> None:
    """How far a live migration is, for those who watch it."""
    operation = operations.get(tx, report.operation_id)
    if operation is not None and operation.state in LIVE and operation.fence == report.fence:
        numbers = {str(name)[:32]: int(value) for name, value in list(progress.items())[:16]}
        migrations.change(tx, operation.id, {"progress": numbers})
