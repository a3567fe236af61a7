"""What only one place may import, and what nobody may: our own check beside import-linter."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "iaas").rglob("*.py"))

# package -> the only folders that may import it
OWNERS = {
    "libvirt": ("iaas/compute/virt/libvirt",),
    "sqlalchemy": ("iaas/db",),
    "alembic": ("iaas/db",),
    "kombu": ("iaas/bus",),
    "amqp": ("iaas/bus",),
    "flask": ("iaas/api", "iaas/dashboard"),
    "subprocess": ("iaas/host",),
    "oslo_config": ("iaas/config", "iaas/api/policy.py"),
    "oslo_policy": ("iaas/api",),
    "cheroot": ("iaas/cmd/http.py", "iaas/api/gateway.py", "iaas/api/http_server.py"),
}
BANNED = {"pickle", "marshal", "shelve", "eventlet", "gevent", "asyncio"}


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_library_is_imported_only_by_its_owner(file: Path) -> None:
    name = str(file.relative_to(ROOT))
    for module in imports(file):
        top = module.partition(".")[0]
        assert top not in BANNED, f"{name} imports {module}"
        owners = OWNERS.get(top)
        assert owners is None or name.startswith(owners), f"{name} imports {module}; only {owners} may"


def test_a_service_enters_another_only_through_its_facade() -> None:
    services = {"identity", "image", "network", "volume", "compute"}
    wrong = []
    for file in FILES:
        parts = file.relative_to(ROOT).parts
        mine = parts[1] if parts[1] in services else None
        if mine is None:
            continue
        for module in imports(file):
            words = module.split(".")
            if words[0] == "iaas" and len(words) > 2 and words[1] in services - {mine} and words[2] != "facade":
                wrong.append(f"{'/'.join(parts)} imports {module}")
    assert not wrong


def test_nothing_is_run_through_a_shell() -> None:
    wrong = [str(file) for file in FILES if "shell=True" in file.read_text() or "os.system(" in file.read_text()]
    assert not wrong, "S-131"
