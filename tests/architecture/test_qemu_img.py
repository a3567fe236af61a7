"""qemu-img is run by one function, and told what it opens (S-014, S-131, S-133): by reading the source."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "iaas").rglob("*.py"))
TOOL = "iaas/host/qemu_tool.py"


@functools.cache
def nodes() -> tuple[tuple[str, ast.AST], ...]:
    """What the tests below look at, of all files, read once."""
    wanted = (ast.Constant, ast.Call, ast.List, ast.Dict)
    return tuple(
        (str(file.relative_to(ROOT)), node)
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, wanted)
    )


def said(argument: ast.expr) -> str:
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""


def test_only_one_function_names_the_command() -> None:
    """A string that is the tool's name, or ends in it as a path: what could be the start of an argument list."""
    found = [name for name, node in nodes() if isinstance(node, ast.Constant) and str(node.value).endswith("qemu-img")]
    assert found == [TOOL]


def test_every_call_says_the_format_of_what_is_opened_and_made() -> None:
    calls = [
        (name, node)
        for name, node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "qemu_img"
    ]
    assert len(calls) >= 6
    for name, call in calls:
        where = f"{name}:{call.lineno}"
        assert len(call.args) >= 4, f"{where} lacks runner, verb, format or path"
        format = call.args[2]
        assert said(format) or isinstance(format, ast.Name | ast.Attribute), f"{where} has no format"
        assert "bounds" in {keyword.arg for keyword in call.keywords}, f"{where} has no limits"


def test_a_conversion_says_what_it_makes_and_a_backing_file_its_format() -> None:
    for name, node in nodes():
        if isinstance(node, ast.List):
            words = [said(element) for element in node.elts]
            assert "-b" not in words or "-F" in words, f"{name}:{node.lineno} has a backing file without format"
    for path in ("iaas/host/qemu_img.py", "iaas/host/qemu_disk.py"):
        assert '"-O", ' in (ROOT / path).read_text()


def test_no_disk_of_a_guest_is_given_to_qemu_without_a_driver() -> None:
    """What opens a file as a block node, for guests, exports and merges, says its driver."""
    for name, node in nodes():
        if isinstance(node, ast.Dict) and name.startswith(("iaas/host", "iaas/volume", "iaas/compute")):
            keys = {said(key) for key in node.keys if key is not None}
            assert "filename" not in keys or "driver" in keys, f"{name}:{node.lineno}"


def test_no_disk_is_described_to_libvirt_without_a_format() -> None:
    """S-014: a function that writes a <disk> writes its <driver type=…>, too."""
    found = []
    for file in (ROOT / "iaas/compute/virt/libvirt").glob("*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef) and (made := _elements(function)).get("disk"):
                found.append(f"{file.name}:{function.name}")
                assert all("type" in attributes for attributes in made.get("driver", [set()])), found[-1]
    assert len(found) >= 3


def _elements(function: ast.FunctionDef) -> dict[str, list[set[str | None]]]:
    """XML elements that the function makes: tag -> names of the attributes of each."""
    made: dict[str, list[set[str | None]]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "Element" in node.func.attr:
            for argument in node.args:
                if tag := said(argument):
                    made.setdefault(tag, []).append({keyword.arg for keyword in node.keywords})
    return made


def test_no_construct_that_lets_bytes_run() -> None:
    """S-133: evaluation, unsafe loaders and certificates that are not looked at. (Pickle: test_arrows.)"""
    banned = {"eval", "exec", "compile", "mktemp", "tempnam"}
    wrong = []
    for name, node in nodes():
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            plain = isinstance(node.func, ast.Name) or called in {"mktemp", "tempnam"}
            if (plain and called in banned) or any(
                keyword.arg == "verify" and isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                for keyword in node.keywords
            ):
                wrong.append(f"{name}:{node.lineno}")
            if called == "load" and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "yaml":
                    wrong.append(f"{name}:{node.lineno}")
    assert wrong == []
