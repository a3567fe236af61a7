"""What judging an image costs: MiB/s of inspecting a stream, beside hashing the same stream as an upload does.

    python bench/inspection.py [--mib 256] [--rounds 3]

Also the judgement of a file, as hosts do it: its beginning, its end, and a range between them.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import statistics
import time
from collections.abc import Callable
from functools import partial

from iaas.inspection.inspector import Inspector, Limits, inspect_file
from iaas.inspection.unsafe import Unsafe
from tests.evilimg import good
from tests.evilimg.corpus import GROUPS, group

PIECE = 1 << 20
LIMITS = Limits(1 << 40)


def cpu(action: Callable[[], object], rounds: int) -> float:
    """Median CPU seconds."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        action()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def stream(declared: str, head: bytes, mib: int) -> None:
    """An image of that many MiB: an honest beginning and zeros, as far as its format does not mind."""
    inspector = Inspector(declared, LIMITS)
    inspector.feed(head)
    piece = memoryview(bytearray(PIECE))
    for _ in range(mib):
        inspector.feed(piece)
    if declared in ("raw", "qcow2", "iso"):
        inspector.finish()


def hashed(mib: int) -> None:
    md5, sha = hashlib.md5(usedforsecurity=False), hashlib.sha512()
    piece = memoryview(bytearray(PIECE))
    for _ in range(mib):
        md5.update(piece)
        sha.update(piece)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    plain = cpu(lambda: hashed(options.mib), options.rounds)
    print(f"md5 + sha512 of {options.mib} MiB: {plain:.3f} CPU-s, {options.mib / plain:.0f} MiB/s")
    for declared in good.FORMATS:
        data = good.plain(declared)
        taken = cpu(partial(stream, declared, data, options.mib), options.rounds)
        file = cpu(partial(inspect_file, io.BytesIO(data), declared, LIMITS), 20)
        share = f"{100 * taken / plain:4.1f} % of hashing"
        print(f"{declared:6} stream {options.mib / taken:8.0f} MiB/s, {share}; file {file * 1000:.2f} CPU-ms")
    images = [evil for name in GROUPS for evil in group(name)]
    refused = cpu(lambda: [_refused(evil.declared, evil.data) for evil in images], options.rounds)
    print(
        f"{len(images)} hostile images refused in {refused:.2f} CPU-s, {1000 * refused / len(images):.2f} CPU-ms each"
    )


def _refused(declared: str, data: bytes) -> None:
    try:
        inspect_file(io.BytesIO(data), declared, LIMITS)
    except Unsafe:
        return
    raise AssertionError(declared)


if __name__ == "__main__":
    main()
