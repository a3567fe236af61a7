"""What the kernel was told about every qemu-img (S-013), read from the child itself: a stand-in for the tool writes it
down. And that the tool can be tricked by no name (S-131)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iaas import errors
from iaas.host import exec
from iaas.host.exec import CommandFailed, Limits, Recorder, Runner
from iaas.host.qemu_disk import Export, QemuDisk
from iaas.host.qemu_img import Inspected, QemuImg, inspected
from iaas.host.qemu_tool import Bounds, making, qemu_img
from tests.evilimg import header

GIB = 1 << 30
STAND_IN = """#!/bin/sh
cat /proc/self/limits > {log}.limits
printf '%s\\n' "$@" > {log}.arguments
echo '{{"virtual-size": 1073741824}}'
"""
VERBS = {
    "to_raw": lambda tool, disk, site: tool.to_raw(Inspected(site / "i", "vpc", GIB), site / "t", lambda: None),
    "to_qcow2": lambda tool, disk, site: tool.to_qcow2(Inspected(site / "i", "vmdk", GIB), site / "t", lambda: None),
    "flatten": lambda tool, disk, site: tool.flatten(site / "i", site / "t", lambda: None),
    "size_of": lambda tool, disk, site: tool.size_of(site / "i"),
    "overlay": lambda tool, disk, site: tool.overlay(site / "t", "base", GIB),
    "size": lambda tool, disk, site: disk.size(site / "i", "raw"),
    "make": lambda tool, disk, site: disk.make(site / "t", "raw", GIB),
    "grow": lambda tool, disk, site: disk.grow(site / "t", "raw", 2 * GIB),
    "copy": lambda tool, disk, site: disk.copy(site / "i", "raw", site / "t", GIB, lambda: None),
    "fetch": lambda tool, disk, site: disk.copy(
        Export(address="192.0.2.1", port=1, name="x", pki=site), "raw", site / "t", GIB, lambda: None
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_child_has_limits_and_knows_the_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """S-013, S-014."""
    tool = tmp_path / "bin" / "qemu-img"
    tool.parent.mkdir()
    tool.write_text(STAND_IN.format(log=tmp_path / "log"))
    tool.chmod(0o755)
    path = f"{tool.parent}:{exec._ENVIRONMENT['PATH']}"
    monkeypatch.setitem(exec._ENVIRONMENT, "PATH", path)
    VERBS[verb](QemuImg(Runner()), QemuDisk(Runner()), tmp_path)
    limits = {line[:26].strip(): line[26:].split()[1] for line in (tmp_path / "log.limits").read_text().splitlines()}
    arguments = (tmp_path / "log.arguments").read_text().splitlines()
    for name in ("Max cpu time", "Max address space", "Max open files", "Max core file size"):
        assert limits[name] != "unlimited", name
    assert int(limits["Max address space"]) <= 2 * GIB and int(limits["Max open files"]) <= 64
    if arguments[0] != "info":
        assert int(limits["Max file size"]) <= 2 * GIB + (1 << 25)
    assert ("-f" in arguments) != ("--image-opts" in arguments)
    assert ("-O" in arguments) == (arguments[0] == "convert")
    assert arguments.index("--") < min(place for place, word in enumerate(arguments) if str(tmp_path / "t") == word
                                       or str(tmp_path / "i") == word or word.startswith("driver="))  # fmt: skip


@pytest.mark.parametrize("name", ["-n", "--help", "$(id)", "`id`", "; id", "a b", "json:{}", "nbd:x"])
def test_an_operand_is_never_an_option_and_no_shell_sees_it(tmp_path: Path, name: str) -> None:
    """S-131: the first is refused by the tool as a file that is not there, or made as one of that very name."""
    recorder = Recorder()
    qemu_img(recorder, "resize", "qcow2", name, "1", bounds=making(1))
    assert recorder.commands == [("qemu-img", "resize", "-q", "-f", "qcow2", "--", name, "1")]
    with pytest.raises(CommandFailed):
        qemu_img(Runner(), "resize", "qcow2", tmp_path / name, "1M", bounds=making(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", [None, "", "auto", "luks", "qed", "nbd"])
def test_without_a_known_format_nothing_is_run(format: str | None) -> None:
    recorder = Recorder()
    with pytest.raises(errors.Internal):
        qemu_img(recorder, "info", format, "/x", bounds=Bounds(timeout=1, limits=Limits()))
    assert recorder.calls == []


def test_a_conversion_stops_at_the_reserved_size(tmp_path: Path) -> None:
    """S-012: 64 MiB of data in a disk that was recorded as one of 8 MiB; the kernel ends it."""
    image = tmp_path / "image"
    Runner().run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "64M"], timeout=10)
    Runner().run(["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 64M", str(image)], timeout=10)
    lying = Inspected(image, "qcow2", 8 << 20)
    with pytest.raises(errors.Invalid):
        QemuImg(Runner()).to_raw(lying, tmp_path / "raw", lambda: None)
    assert (tmp_path / "raw").stat().st_blocks * 512 <= (8 << 20) + (1 << 25)


def test_only_what_was_judged_can_be_converted(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(header.qcow2(backing=b"/etc/passwd"))
    with pytest.raises(errors.Invalid, match="backing file"):
        inspected(tmp_path / "image", "qcow2", header.SIZE)
    (tmp_path / "image").write_bytes(header.qcow2())
    with pytest.raises(errors.Invalid, match="not as large as recorded"):
        inspected(tmp_path / "image", "qcow2", header.SIZE * 2)
    assert inspected(tmp_path / "image", "qcow2", header.SIZE).driver == "qcow2"
    with pytest.raises(errors.Unsupported):
        inspected(tmp_path / "image", "aki", 1)


def test_the_size_of_a_disk_is_read_through_the_tool(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.answer(("qemu-img", "info"), stdout=json.dumps({"virtual-size": 5}))
    assert QemuImg(recorder).size_of(tmp_path) == QemuDisk(recorder).size(tmp_path, "raw") == 5
