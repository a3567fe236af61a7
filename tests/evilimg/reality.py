"""What qemu-img really does with an image: told its format, and left to guess. In a directory with a canary."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.evilimg.good import QEMU, qemu_img

CANARY = b"canary-4711-" * 43 + b"...."  # ends up in the output of a convert that reads it
LIMITS = ("prlimit", "--as=1500000000", "--cpu=5", "--fsize=8388608", "--core=0", "--")
SIZE = 1 << 20


def plant(site: Path) -> Path:
    """A file that no image has any business to read; and the same as a disk of somebody else's, whose id is known."""
    canary = site / "canary"
    canary.write_bytes(CANARY.ljust(520, b".")[:512] * (SIZE // 512))
    qemu_img(site, "convert", "-f", "raw", "-O", "vmdk", "canary", "canary.vmdk")
    disk = site / "canary.vmdk"
    disk.write_bytes(known(disk.read_bytes()))
    return canary


def known(disk: bytes) -> bytes:
    """A VMDK whose content id is the one that the corpus names as its parent's, with everything at its place.

    QEMU draws the id and writes it without leading zeros, so the text may grow: into the zeros that follow it.
    """
    renamed = re.sub(rb"\nCID=[0-9a-f]+", b"\nCID=c0ffee00", disk, count=1)
    grown = len(renamed) - len(disk)
    end = renamed.index(b"\0", renamed.index(b"\nCID="))
    return renamed[:end] + renamed[end + grown :]


def reads(site: Path, data: bytes, declared: str | None) -> bool:
    """Whether the canary is in the disk that qemu-img makes of the image: told the format, or (None) probing."""
    (site / "image").write_bytes(data)
    output = site / "output"
    format = () if declared is None else ("-f", QEMU.get(declared, declared))
    command = [*LIMITS, "qemu-img", "convert", *format, "-O", "raw", "image", "output"]
    subprocess.run(command, cwd=site, capture_output=True, timeout=20, check=False)
    try:
        with output.open("rb") as file:
            return CANARY[:100] in file.read(4 << 20)
    except FileNotFoundError:
        return False
    finally:
        output.unlink(missing_ok=True)
