"""A killed daemon of a fake host finds its guests again, as one of a real host does."""

from pathlib import Path

from iaas.compute.virt.driver import Disk
from iaas.compute.virt.fake import FakeDomain
from iaas.compute.virt.fake_memory import Kept
from iaas.model.order import GuestSpec, Nic, Power

NIC = Nic(port_id="p", mac="fa:16:3e:00:00:01", tap="tap1", bridge="brq1", mtu=1500)
GUEST = GuestSpec(
    server_id="s", name="vm", project_id="p", user_id="u", flavor="tiny", vcpus=1, ram_mb=1, disk_gb=1,
    ephemeral_gb=0, swap_mb=0, image=None, nics=(NIC,),
)  # fmt: skip
DISKS = (Disk(target="vda", path=Path("/x/disk"), format="qcow2"),)


def domain(name: str = "vm") -> FakeDomain:
    return FakeDomain(guest=GUEST, disks=DISKS, console=Path("/x") / name, fence=7, power=Power.RUNNING)


def test_what_was_written_is_there_after_the_death_of_the_daemon(tmp_path: Path) -> None:
    before: Kept[FakeDomain] = Kept(tmp_path / "guests", FakeDomain)
    before["a"], before["b"] = domain("a"), domain("b")
    before["b"] = domain("newer")
    del before["a"]
    after: Kept[FakeDomain] = Kept(tmp_path / "guests", FakeDomain)
    assert dict(after) == {"b": domain("newer")}


def test_the_dictionary_verbs_that_the_fakes_use_are_written_through(tmp_path: Path) -> None:
    before: Kept[tuple[Disk, ...]] = Kept(tmp_path / "disks", tuple[Disk, ...])
    before.setdefault("a", DISKS)
    before.setdefault("b", DISKS)
    before.pop("b", None)
    before.pop("never there", None)
    assert dict(Kept(tmp_path / "disks", tuple[Disk, ...])) == {"a": DISKS}


def test_what_is_trimmed_is_not_on_disk_but_is_remembered_while_the_daemon_lives(tmp_path: Path) -> None:
    kept: Kept[str] = Kept(tmp_path / "words", str, trim=lambda word: word[:1])
    kept["a"] = "secret"
    assert kept["a"] == "secret"
    assert (tmp_path / "words" / "a.json").read_text() == '"s"'
