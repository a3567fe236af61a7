"""The rule that an endpoint has the methods and parameters of its contract, as a reusable assertion."""

from __future__ import annotations

import inspect

from iaas.rpc.contract import Contract


def differences(contract: type[Contract], endpoint: type) -> list[str]:
    """In words, how the endpoint's methods differ from the contract's (less a leading ``host``).

    Compared: names, parameters in order, defaults. More public methods are no harm; they can't be called.
    """
    problems = []
    for name, method in contract.methods().items():
        served = getattr(endpoint, name, None)
        if not callable(served):
            problems.append(f"{endpoint.__name__} lacks {name}")
            continue
        wanted = _shape(inspect.signature(getattr(contract, name)), list(method.parameters))
        given = inspect.signature(served)
        found = _shape(given, [each for each in given.parameters if each != "self"])
        if found != wanted:
            problems.append(f"{endpoint.__name__}.{name}({found}) should be {name}({wanted})")
    return problems


def assert_serves(contract: type[Contract], endpoint: type) -> None:
    """Fails with every difference at once."""
    found = differences(contract, endpoint)
    assert not found, "; ".join(found)


def _shape(signature: inspect.Signature, names: list[str]) -> str:
    """``order, lines=None``: the parameters without their annotations."""
    return ", ".join(str(signature.parameters[name].replace(annotation=inspect.Parameter.empty)) for name in names)
