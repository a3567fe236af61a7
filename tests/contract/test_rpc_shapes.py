"""assert_serves itself: it accepts a faithful endpoint and names every way of not being one."""

from __future__ import annotations

import pytest

from iaas.rpc.contract import Contract, call, cast
from tests.contract.rpc_shapes import assert_serves, differences


class TeapotRpc(Contract):
    TOPIC = "teapot"
    VERSIONS = (("1.0", "brew, taste"),)

    @cast
    def brew(self, host: str, leaves: str, cups: int = 1) -> None: ...

    @call(seconds=1)
    def taste(self, spoon: str) -> str:
        raise NotImplementedError


class Faithful:
    def brew(self, leaves: str, cups: int = 1) -> None: ...

    def taste(self, spoon: str) -> str:
        return spoon

    def shine(self) -> None: ...


class Sloppy:
    def brew(self, cups: int, leaves: str) -> None: ...


def test_a_faithful_endpoint_passes_even_with_methods_of_its_own() -> None:
    assert_serves(TeapotRpc, Faithful)


def test_missing_methods_and_other_parameters_are_all_named() -> None:
    assert differences(TeapotRpc, Sloppy) == [
        "Sloppy.brew(cups, leaves) should be brew(leaves, cups=1)",
        "Sloppy lacks taste",
    ]
    with pytest.raises(AssertionError, match="Sloppy lacks taste"):
        assert_serves(TeapotRpc, Sloppy)
