"""What the bus needs to know of an RPC contract, as protocols: the contracts themselves (iaas.rpc) lie above
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from iaas.bus.transport import Lane


class Method(Protocol):
    """``iaas.rpc.contract.Method``."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...  # "call", "cast" or "fanout"
    @property
    def seconds(self) -> float: ...
    @property
    def transient(self) -> bool: ...
    @property
    def to_host(self) -> bool: ...
    @property
    def parameters(self) -> dict[str, Any]: ...  # name -> type
    @property
    def result(self) -> Any: ...


class Contract(Protocol):
    """``iaas.rpc.contract.Contract``, the class."""

    TOPIC: ClassVar[str]

    @classmethod
    def version(cls) -> str: ...
    @classmethod
    def methods(cls) -> Mapping[str, Method]: ...


def lane(method: Method) -> Lane:
    """The lane that a method's messages travel on."""
    if method.kind == "call":
        return Lane.CALL
    if method.kind == "fanout":
        return Lane.FANOUT
    return Lane.HINT if method.transient else Lane.CAST
