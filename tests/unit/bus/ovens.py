"""A small contract with one method of every kind, and an endpoint that records. For the bus's own tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from iaas import context
from iaas.bus import deadline
from iaas.clock import Clock, SystemClock
from iaas.rpc.contract import Contract, call, cast, fanout, hint


class Crust(StrEnum):
    THIN = "thin"
    THICK = "thick"


@dataclass(frozen=True, kw_only=True)
class Topping:
    name: str
    grams: float


@dataclass(frozen=True, kw_only=True)
class Pizza:
    id: str
    crust: Crust
    toppings: tuple[Topping, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)


class OvenRpc(Contract):
    TOPIC = "oven"
    VERSIONS = (("1.0", "bake, glance"), ("1.2", "taste, news"))

    @cast
    def bake(self, host: str, pizza: Pizza) -> None: ...

    @hint
    def glance(self, pizza_id: str) -> None: ...

    @call(seconds=5)
    def taste(self, host: str, pizza: Pizza, bites: int = 1) -> Pizza | None:
        raise NotImplementedError

    @fanout
    def news(self, text: str) -> None: ...


class Oven:
    """Does what ``script`` says, if anything, and remembers the calls with caller and time left."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.calls: list[tuple[str, Any]] = []
        self.callers: list[context.Context | None] = []
        self.left: list[float | None] = []
        self.script: Callable[[Any], Any] = lambda value: value

    def bake(self, pizza: Pizza) -> None:
        self._seen("bake", pizza)

    def glance(self, pizza_id: str) -> None:
        self._seen("glance", pizza_id)

    def taste(self, pizza: Pizza, bites: int = 1) -> Pizza | None:
        answer: Pizza | None = self._seen("taste", pizza)
        return answer

    def news(self, text: str) -> None:
        self._seen("news", text)

    def explode(self) -> None:
        """Public, and not in the contract."""
        self._seen("explode", None)

    def _seen(self, name: str, value: Any) -> Any:
        self.calls.append((name, value))
        self.callers.append(context.current())
        self.left.append(deadline.remaining(self.clock))
        return self.script(value)


MARGHERITA = Pizza(id="p1", crust=Crust.THIN, toppings=(Topping(name="basil", grams=3.5),), notes={"cut": [1, None]})
