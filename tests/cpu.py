"""Processor time as a promise: what a hostile request may cost at most."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def counted() -> Iterator[list[float]]:
    """The block's processor time: one number in the list that it is given, once it has ended.

    Only this thread's, and without the collector: a look at all that thousands of tests have left in this process takes
    a quarter of a second, and would be charged to whoever makes the next object.
    """
    spent: list[float] = []
    was = gc.isenabled()
    gc.disable()
    started = time.thread_time()
    try:
        yield spent
        spent.append(time.thread_time() - started)
    finally:
        if was:
            gc.enable()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """The block costs no more processor time than this."""
    with counted() as spent:
        yield
    assert spent[0] < seconds, f"{spent[0]:.3f} s of processor time"
