"""First light: devstack/up on real parts, and what a user then does with the stock openstack client.

A second, private cloud is brought up beside whatever runs on this machine (its own state directory and network
namespace), used, and taken down. The tests build on each other in the order of this file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import leftovers, supervisor
from devstack.stack import settings as stack_settings
from devstack.stack.processes import command_line
from devstack.stack.settings import ROOT, Settings
from tests.compat.client import OpenStackClient
from tests.integration.fleet import busy

pytestmark = [
    pytest.mark.root,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="first light needs root: namespaces, bridges, virtual machines"),
]

USER_DATA = "#!/bin/sh\necho FIRST-LIGHT user data of $(hostname)\n"


def eventually(check: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of the check; fails with ``what`` when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.3)
    return value


def run(*command: str, timeout: float = 180, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=os.environ | (env or {}), check=False, cwd=ROOT
    )


def enter(settings: Settings) -> tuple[str, ...]:
    """The words that start a command where the stack's daemons run."""
    return ("nsenter", "-t", supervisor.pid_file(settings).read_text().strip(), "-m", "-n")


@dataclass
class Cloud:
    """A running stack and the client's way to it."""

    settings: Settings
    seconds: float  # that the first devstack/up took
    said: str
    client: OpenStackClient

    def inside(self, *command: str, cloud: str = "devstack", timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Runs a command where the stack's daemons run."""
        return run(*enter(self.settings), *command, env=self._who(cloud), timeout=timeout)

    def _who(self, cloud: str) -> dict[str, str]:
        return {"OS_CLOUD": cloud, "OS_CLIENT_CONFIG_FILE": str(self.settings.home / "clouds.yaml")}

    def openstack(self, *arguments: str, cloud: str = "devstack") -> str:
        """What the client prints. Fails the test if it fails."""
        done = self.client.run(arguments, os.environ | self._who(cloud), ROOT)
        assert done.returncode == 0, f"openstack {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str, cloud: str = "devstack") -> Any:
        return json.loads(self.openstack(*arguments, "-f", "json", cloud=cloud))

    def names(self, *arguments: str) -> set[str]:
        return {row["Name"] for row in self.json(*arguments)}

    def ssh(self, network_id: str, address: str, key: Path, command: str) -> subprocess.CompletedProcess[str]:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=10", "BatchMode=yes"]
        flags = [word for option in options for word in ("-o", option)]
        target = ("timeout", "30", "ssh", *flags, "-i", str(key), f"tiny@{address}", command)
        return self.inside("ip", "netns", "exec", f"qdhcp-{network_id}", *target, timeout=40)

    def audit(self) -> list[Any]:
        """Violations that one look of ``iaas-manage audit`` finds; what is being changed may be among them."""
        manage = (str(self.settings.bin / "iaas-manage"), "--config-file", str(self.settings.config))
        done = self.inside(*manage, "audit", "--once", "--json")
        assert done.returncode in (0, 1), done.stderr
        found: list[Any] = json.loads(done.stdout)["violations"]
        return found

    def check(self) -> None:
        """The audit finds nothing, once what is level-triggered has caught up."""
        eventually(lambda: self.audit() == [], 60, "an audit without violations")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    state = Path(tempfile.mkdtemp(prefix="iaas-light-", dir="/tmp"))
    made = stack_settings.make(state, None, None)
    began = time.monotonic()
    done = run(str(ROOT / "devstack/up"), "--state", str(state), timeout=550)
    try:
        assert done.returncode == 0, f"devstack/up: {done.stdout}{done.stderr}"
        found = stack_settings.find(state)
        assert found
        client = OpenStackClient(state, enter(found))
        yield Cloud(found, time.monotonic() - began, done.stdout, client)
        client.close()
    finally:
        down = run(str(ROOT / "devstack/down"), "--state", str(state), timeout=120)
        processes = [command_line(pid) for pid in leftovers.find(made)]
        places = [str(path) for path in (state, Path("/run/netns") / made.netns) if path.exists()]
        shutil.rmtree(state, ignore_errors=True)
    assert down.returncode == 0, down.stderr
    assert not processes + places, "devstack/down left something"


@pytest.fixture(scope="module")
def key(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key pair that the cloud generated."""
    path = tmp_path_factory.mktemp("key") / "id"
    path.write_text(cloud.openstack("keypair", "create", "light"))
    path.chmod(0o600)
    return path


@dataclass
class Guest:
    id: str
    address: str
    network_id: str
    seconds: float  # from the request to ACTIVE


@pytest.fixture(scope="module")
def guest(cloud: Cloud, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Guest:
    script = tmp_path_factory.mktemp("user-data") / "script"
    script.write_text(USER_DATA)
    began = time.monotonic()
    options = ["--image", "tinyguest", "--flavor", "m1.nano", "--network", "private", "--key-name", "light"]
    made = cloud.json("server", "create", *options, "--user-data", str(script), "--wait", "light")
    seconds = time.monotonic() - began
    assert made["status"] == "ACTIVE"
    found = re.search(r"\d+\.\d+\.\d+\.\d+", json.dumps(made["addresses"]))
    assert found
    network = cloud.json("network", "show", "private")["id"]
    return Guest(made["id"], found.group(), network, seconds)


def console(cloud: Cloud, name: str) -> str:
    return cloud.openstack("console", "log", "show", name)


def test_up_ends_with_the_first_instance_and_three_commands(cloud: Cloud) -> None:
    tail = cloud.said[cloud.said.index("first-instance has") :]
    assert re.search(r"private=\d+\.\d+\.\d+\.\d+", tail)
    assert len([line for line in tail.splitlines() if line.startswith("  ")]) == 3
    assert cloud.names("server", "list") == {"first-instance"}


def test_a_second_up_takes_under_20_seconds_and_changes_nothing(cloud: Cloud) -> None:
    def picture() -> dict[str, int]:
        kept = [path for path in cloud.settings.state.glob("*") if path.is_file() and "sqlite" not in path.name]
        return {str(path): path.stat().st_mtime_ns for path in kept}

    before, pids = picture(), {name: state.pid for name, state in supervisor.states(cloud.settings).items()}
    began = time.monotonic()
    done = run(str(ROOT / "devstack/up"), "--state", str(cloud.settings.state))
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 20 * busy()
    assert picture() == before
    assert {name: state.pid for name, state in supervisor.states(cloud.settings).items()} == pids
    assert cloud.names("server", "list") == {"first-instance"}


def test_status_shows_every_daemon_running_with_pid_and_memory(cloud: Cloud) -> None:
    done = run(str(ROOT / "devstack/status"), "--state", str(cloud.settings.state))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("identity", "image", "api", "scheduler", "conductor", "compute", "network", "volume", "rabbitmq"):
        assert re.search(rf"^{name} +running +\d+ +\d+\.\d MiB ", done.stdout, re.M), f"{name}:\n{done.stdout}"
    assert len(re.findall(r"\d s ago$", done.stdout, re.M)) == 8


@pytest.mark.parametrize(
    ("command", "columns", "expected"),
    [
        ("catalog list", ("Name", "Type", "Endpoints"), "identity"),
        ("project list", ("ID", "Name"), "admin"),
        ("user list", ("ID", "Name"), "demo"),
        ("role list", ("ID", "Name"), "member"),
        ("image list", ("ID", "Name", "Status"), "tinyguest"),
        ("flavor list", ("ID", "Name", "RAM", "Disk", "Ephemeral", "VCPUs", "Is Public"), "m1.xlarge"),
        ("keypair list", ("Name", "Fingerprint", "Type"), "devstack"),
        ("network list", ("ID", "Name", "Subnets"), "private"),
        ("subnet list", ("ID", "Name", "Network", "Subnet"), "private-subnet"),
        ("port list", ("ID", "Name", "MAC Address", "Fixed IP Addresses", "Status"), "ACTIVE"),
        ("security group list", ("ID", "Name", "Description", "Project", "Tags", "Shared"), "default"),
        ("server list", ("ID", "Name", "Status", "Networks", "Image", "Flavor"), "first-instance"),
        ("compute service list", ("ID", "Binary", "Host", "Zone", "Status", "State", "Updated At"), "nova-compute"),
        ("hypervisor list", ("ID", "Hypervisor Hostname", "Hypervisor Type", "Host IP", "State"), "up"),
    ],
)
def test_lists_print_openstacks_tables(cloud: Cloud, command: str, columns: tuple[str, ...], expected: str) -> None:
    lines = cloud.openstack(*command.split()).splitlines()
    heading = [cell.strip() for cell in lines[1].strip("|").split("|")]
    assert tuple(heading) == columns
    assert any(expected in line for line in lines[3:]), "\n".join(lines)


def test_a_token_is_issued(cloud: Cloud) -> None:
    issued = cloud.json("token", "issue")
    assert set(issued) == {"expires", "id", "project_id", "user_id"}


def test_the_five_flavors_and_the_small_one_have_the_sizes_of_the_seed_table(cloud: Cloud) -> None:
    found = {
        row["Name"]: (row["RAM"], row["Disk"], row["Ephemeral"], row["VCPUs"]) for row in cloud.json("flavor", "list")
    }
    assert found == {
        "m1.nano": (128, 1, 0, 1), "m1.tiny": (512, 1, 0, 1), "m1.small": (2048, 20, 0, 1),
        "m1.medium": (4096, 40, 0, 2), "m1.large": (8192, 80, 0, 4), "m1.xlarge": (16384, 160, 0, 8),
    }  # fmt: skip


def test_an_image_goes_up_comes_back_unchanged_and_is_deleted(cloud: Cloud, tmp_path: Path) -> None:
    original, copy = cloud.settings.image, tmp_path / "copy.qcow2"
    made = cloud.json("image", "create", "--disk-format", "qcow2", "--file", str(original), "light")
    assert made["size"] == original.stat().st_size
    cloud.openstack("image", "save", "--file", str(copy), "light")
    assert copy.read_bytes() == original.read_bytes()
    cloud.openstack("image", "delete", "light")
    assert "light" not in cloud.names("image", "list")


def test_a_flavor_and_a_rule_can_be_made(cloud: Cloud) -> None:
    cloud.openstack("flavor", "create", "--ram", "96", "--disk", "1", "--vcpus", "1", "light")
    assert "light" in cloud.names("flavor", "list")
    groups = cloud.json("security", "group", "list")
    project = cloud.json("token", "issue")["project_id"]
    own = next(row["ID"] for row in groups if row["Name"] == "default" and row["Project"] == project)
    rule = cloud.json("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "80:81", own)
    assert (rule["protocol"], rule["port_range_min"], rule["port_range_max"]) == ("tcp", 80, 81)


def test_an_ordinary_user_sees_the_shared_network_and_no_foreign_server(cloud: Cloud) -> None:
    assert "private" in {row["Name"] for row in cloud.json("network", "list", cloud="demo")}
    assert cloud.json("server", "list", cloud="demo") == []


def test_the_guest_ran_its_user_data_and_knows_its_name(cloud: Cloud, guest: Guest) -> None:
    eventually(lambda: "TINY: ready" in console(cloud, "light"), 120, "the guest's last boot message")
    log = console(cloud, "light")
    assert "FIRST-LIGHT user data of light" in log
    assert f"TINY: metadata source=openstack instance={guest.id}" in log
    assert f"ip={guest.address}/" in log


def test_ssh_with_the_generated_key_from_the_networks_namespace_logs_in(cloud: Cloud, guest: Guest, key: Path) -> None:
    def hostname() -> subprocess.CompletedProcess[str] | None:
        answer = cloud.ssh(guest.network_id, guest.address, key, "hostname")
        return answer if answer.returncode == 0 else None

    done = eventually(hostname, 60, "ssh into the guest")
    assert done.stdout.strip() == "light"


def test_ec2_metadata_is_answered_too(cloud: Cloud, guest: Guest, key: Path) -> None:
    wanted = "wget -q -O - http://169.254.169.254/latest/meta-data/local-ipv4"
    assert cloud.ssh(guest.network_id, guest.address, key, wanted).stdout.strip() == guest.address


def test_stop_shuts_the_guest_down_and_start_boots_it_again(cloud: Cloud, guest: Guest) -> None:
    def status() -> str:
        return str(cloud.json("server", "show", "light")["status"])

    cloud.openstack("server", "stop", "light")
    eventually(lambda: status() == "SHUTOFF", 90, "SHUTOFF")
    cloud.openstack("server", "start", "light")
    eventually(lambda: status() == "ACTIVE", 60, "ACTIVE")
    eventually(lambda: "TINY: ready" in console(cloud, "light"), 120, "the second boot")


def test_a_hard_reboot_boots_the_same_disk_again(cloud: Cloud, guest: Guest, key: Path) -> None:
    cloud.openstack("server", "reboot", "--hard", "--wait", "light")

    def uptime() -> subprocess.CompletedProcess[str] | None:
        answer = cloud.ssh(guest.network_id, guest.address, key, "cat /proc/uptime")
        return answer if answer.returncode == 0 else None

    done = eventually(uptime, 120, "ssh after the reboot")
    assert float(done.stdout.split()[0]) < 120


def test_the_history_of_a_server_can_be_read(cloud: Cloud, guest: Guest) -> None:
    actions = [row["Action"] for row in cloud.json("server", "event", "list", "light")]
    assert set(actions) >= {"create", "stop", "start", "reboot"}


def test_delete_leaves_no_domain_tap_disk_lease_port_or_allocation(cloud: Cloud, guest: Guest) -> None:
    cloud.openstack("server", "delete", "--wait", "light")
    assert cloud.names("server", "list") == {"first-instance"}
    assert guest.id not in json.dumps(cloud.json("port", "list", "--long"))
    place = cloud.settings.state
    assert not (place / "compute" / "instances" / guest.id).exists()
    cloud.check()


def test_no_daemon_logged_a_secret(cloud: Cloud) -> None:
    known = cloud.settings.secrets
    values = (known.admin_password, known.demo_password, known.broker_password, known.metadata_secret)
    for log in cloud.settings.logs.glob("*.log"):
        text = log.read_text(errors="replace")
        assert not any(value in text for value in values), log.name


def test_no_daemon_ended_unexpectedly(cloud: Cloud) -> None:
    log = cloud.settings.log("supervisord").read_text()
    assert not re.findall(r"exited: \w+ \(.*not expected\)", log), log
