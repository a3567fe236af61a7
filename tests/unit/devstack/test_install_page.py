"""docs/install-multinode.md says nothing that the programs would not accept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devstack.stack import config, layouts, settings
from devstack.stack.settings import ROOT, USUAL, Fleet
from iaas.cmd.listen import url
from iaas.cmd.network import AGENT, CONTROLLER, roles
from iaas.config import sections
from iaas.config.loader import load, unknown_keys
from iaas.model.service import AGENT_ROLES

PAGE = (ROOT / "docs" / "install-multinode.md").read_text()


def _block(language: str, word: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in found if word in text)


def test_the_file_is_understood_and_has_what_devstack_gives_several_hosts(tmp_path: Path) -> None:
    file = tmp_path / "iaas.conf"
    file.write_text(_block("ini", "[database]"))
    assert unknown_keys(sections.ALL, [str(file)]) == []
    loaded = load(sections.ALL, [str(file)])
    api = loaded.section(sections.Api)
    assert url(api, "identity") == f"http://10.0.0.11:{USUAL.identity}"
    assert len(loaded.section(sections.Auth).internal_secret) >= 32

    fleet = Fleet(
        layout="controller", management="10.0.0.0/24", external="10.9.9.0/24", hosts=layouts.lay_out("controller", 3)
    )
    tried = config.sections(settings.make(Path("/tmp/iaas-page/state"), None, None, fleet))
    parts = re.findall(r"\[(\w+)\]\n(.*?)(?=\n\[|\Z)", file.read_text(), re.DOTALL)
    written = {section: set(re.findall(r"^(\w+) =", text, re.MULTILINE)) for section, text in parts}
    assert {section: set(options) for section, options in tried.items()} == written


@pytest.mark.parametrize("given", sorted(set(re.findall(r'OPTIONS="([^"]*)"', PAGE))))
def test_options_of_iaas_network_are_roles_that_it_has(given: str) -> None:
    words = given.replace("--role ", "").split()
    assert set(words) <= {CONTROLLER, AGENT, *AGENT_ROLES}
    assert roles(words)


def test_every_debian_package_is_one_that_devstack_needs_too_or_its_service() -> None:
    listed = {
        line.split()[1] for line in (ROOT / "devstack/packages.txt").read_text().splitlines() if line[:1].isalpha()
    }
    listed |= {"chrony", "postgresql", "libvirt-daemon-system", "qemu-system-common", "novnc"}  # services
    commands = re.findall(r"apt-get install ((?:\\\n|[^`\n])*)", PAGE)
    wanted = {word for command in commands for word in command.replace("\\\n", " ").split() if not word.startswith("-")}
    assert wanted <= listed


def test_units_ports_and_files_that_it_names_exist() -> None:
    units = {name for name in re.findall(r"iaas@(\w+)", PAGE) if name != "NAME"}
    assert all((ROOT / f"iaas/cmd/{name}.py").exists() for name in units)
    assert (ROOT / "etc/tmpfiles.d/iaas.conf").exists()
    assert (ROOT / "etc/systemd/iaas.target").exists()
    ports = {str(port) for port in (USUAL.identity, USUAL.compute, USUAL.volume, USUAL.image, USUAL.network,
                                    USUAL.metadata, USUAL.amqp, USUAL.postgresql, sections.Volume().port)}  # fmt: skip
    table = PAGE[PAGE.index("## 5. Firewall") : PAGE.index("## 6.")]
    assert ports <= set(re.findall(r"\d{4,5}", table))
