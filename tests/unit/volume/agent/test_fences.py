"""The record of fences: it only rises, it outlives the process, and it does not grow for ever."""

import os
import time
from pathlib import Path

from iaas.ids import new_uuid
from iaas.volume.agent.fences import Fences


def test_a_fence_only_rises_and_outlives_the_process(tmp_path: Path) -> None:
    id = new_uuid()
    for fence, highest in ((3, 3), (2, 3), (7, 7)):
        Fences(tmp_path).record(id, fence)
        assert Fences(tmp_path).of(id) == highest
    assert Fences(tmp_path).of(new_uuid()) == 0
    assert (tmp_path / "fences" / id).stat().st_mode & 0o777 == 0o600


def test_only_what_went_more_than_a_day_ago_is_forgotten(tmp_path: Path) -> None:
    fences, old, young, living = Fences(tmp_path, durable=False), new_uuid(), new_uuid(), new_uuid()
    for id in (old, young, living):
        fences.record(id, 5)
    past = time.time() - 100_000
    for id in (old, living):
        os.utime(tmp_path / "fences" / id, (past, past))
    fences.tidy({living: 1})
    assert [fences.of(id) for id in (old, young, living)] == [0, 5, 5]
