"""How a daemon's asynchronous interface is written down: one Contract class a daemon.

    class ConductorRpc(Contract):
        TOPIC = "conductor"
        VERSIONS = (("1.0", "run, report"),)

        @cast
        def run(self, operation_id: str) -> None: ...

        @call(seconds=10)
        def console_output(self, host: str, server_id: str) -> str: ...

The class is the client (``ConductorRpc(bus_client)``) and the endpoint's allow-list at once: the endpoint is any
object with methods of the same names and parameters, less a leading ``host``, which is the address (that host's
queue instead of any worker's). Arguments and results are plain JSON types and frozen dataclasses; the bodies are
never run. The current Context and its deadline travel along.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, get_type_hints

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Method:
    """The shape of one RPC method: how it is sent and the types of its arguments."""

    name: str
    kind: str  # "call", "cast" or "fanout"
    seconds: float  # call: how long the caller waits
    transient: bool  # cast: neither durable nor confirmed; the last value wins
    to_host: bool
    parameters: dict[str, Any]  # name -> type
    result: Any


class Sender(Protocol):
    """What a contract needs of the bus: ``iaas.bus.client.Client``."""

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> Any:
        """Casts and fanouts return None once handed to the broker; calls return the result or raise an Error."""


class Contract:
    """Base of all contracts; see the module's docstring."""

    TOPIC: ClassVar[str]
    VERSIONS: ClassVar[tuple[tuple[str, str], ...]]

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @classmethod
    def version(cls) -> str:
        return cls.VERSIONS[-1][0]

    @classmethod
    def methods(cls) -> dict[str, Method]:
        """The methods that may be called from outside: nothing else is."""
        return {
            name: _describe(member, *member.__rpc__) for name, member in vars(cls).items() if hasattr(member, "__rpc__")
        }


def cast(function: Callable[P, R]) -> Callable[P, R]:
    """At least once, durable; the endpoint must be idempotent."""
    return _remote(function, "cast", 0, False)


def hint(function: Callable[P, R]) -> Callable[P, R]:
    """Best effort to one consumer; losing it costs only time, or the next value replaces it."""
    return _remote(function, "cast", 0, True)


def fanout(function: Callable[P, R]) -> Callable[P, R]:
    """Best effort to every consumer of the topic."""
    return _remote(function, "fanout", 0, True)


def call(seconds: float) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """At most once with a reply; ``seconds`` is the deadline, sooner if the caller's own ends before."""
    return lambda function: _remote(function, "call", seconds, True)


_described: dict[Any, Method] = {}


def _describe(function: Callable[..., Any], kind: str, seconds: float, transient: bool) -> Method:
    key = inspect.unwrap(function)
    if key not in _described:
        hints = get_type_hints(key)
        names = [name for name in inspect.signature(key).parameters if name != "self"]
        to_host = bool(names) and names[0] == "host"
        parameters = {name: hints[name] for name in names[1 if to_host else 0 :]}
        _described[key] = Method(
            key.__name__, kind, seconds, transient, to_host, parameters, hints.get("return", type(None))
        )
    return _described[key]


def _remote(function: Callable[P, R], kind: str, seconds: float, transient: bool) -> Callable[P, R]:
    signature = inspect.signature(function)

    @wraps(function)
    def send(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        self: Contract = arguments.pop("self")
        method = _describe(function, kind, seconds, transient)
        host = arguments.pop("host") if method.to_host else None
        return self._sender.send(self.TOPIC, host, self.version(), method, arguments)  # type: ignore[no-any-return]

    send.__rpc__ = (kind, seconds, transient)  # type: ignore[attr-defined]
    return send
