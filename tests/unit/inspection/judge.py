"""Both ways to the inspector's verdict, which must agree."""

from __future__ import annotations

import io

import pytest

from iaas.inspection.inspector import Inspector, Limits, inspect_file
from iaas.inspection.unsafe import Unsafe

TIB = 1 << 40


def inspect(declared: str, data: bytes, limit: int = TIB, piece: int = 1 << 20) -> int:
    """The virtual size. Raises Unsafe."""
    inspector = Inspector(declared, Limits(limit))
    view = memoryview(data)
    for at in range(0, len(data), piece):
        inspector.feed(view[at : at + piece])
    return inspector.finish()


def refusal(declared: str, data: bytes) -> str | None:
    """Why streamed bytes and a file of them are refused; None when both are accepted with the same size."""
    try:
        size = inspect(declared, data)
    except Unsafe as error:
        with pytest.raises(Unsafe) as caught:
            inspect_file(io.BytesIO(data), declared, Limits(TIB))
        assert caught.value.message == error.message
        return error.message
    assert inspect_file(io.BytesIO(data), declared, Limits(TIB)) == size
    return None
