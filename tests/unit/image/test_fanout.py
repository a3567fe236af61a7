"""The same bytes into several stores: one that is away takes nobody along, if not all must have them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from iaas.errors import Unavailable
from iaas.image.fanout import Fanout
from iaas.image.store_set import StoreSet


class Store:
    """``away``: whatever is asked of it fails, also to forget what was written."""

    def __init__(self) -> None:
        self.away, self.written, self.is_whole = False, b"", False

    def writer(self, name: str) -> Any:
        return self

    def delete(self, name: str) -> bool:
        self._check()
        return True

    def write(self, data: bytes) -> None:
        self._check()
        self.written += data

    def commit(self) -> None:
        self._check()
        self.is_whole = True

    def abandon(self) -> None:
        self._check()

    def _check(self) -> None:
        if self.away:
            raise Unavailable("The store is away.")


@pytest.mark.parametrize("all_must", [True, False])
def test_a_store_that_goes_away_for_good_drops_out_alone(all_must: bool) -> None:
    good, bad = Store(), Store()
    fanout = Fanout(cast(StoreSet, {"good": good, "bad": bad}), ("good", "bad"), "name", all_must)
    fanout.write(b"a")
    bad.away = True
    if all_must:
        with pytest.raises(Unavailable):
            fanout.write(b"b")
        fanout.abandon()
        return
    fanout.write(b"b")
    fanout.commit()
    assert (good.written, good.is_whole, fanout.stored) == (b"ab", True, ("good",))
    assert fanout.failed == {"bad": "The store is away."}
