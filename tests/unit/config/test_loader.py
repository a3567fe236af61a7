"""The one configuration file: typed, complete, and no mistyping goes unnoticed."""

from __future__ import annotations

import socket
from dataclasses import FrozenInstanceError, dataclass, fields
from pathlib import Path
from typing import ClassVar

import pytest

from iaas.config import loader, sections
from iaas.config.loader import option
from iaas.errors import Invalid


@dataclass(frozen=True)
class Oven:
    """What bakes."""

    SECTION: ClassVar[str] = "oven"
    name: str = option("hearth", "Its name.")
    degrees: int = option(180, "How hot.")
    ratio: float = option(1.5, "Heat over time.")
    fan: bool = option(False, "Whether it blows.")
    shelves: tuple[str, ...] = option(("top", "bottom"), "From above.")
    mode: str = option("slow", "How.", choices=("slow", "fast"))
    key: str = option("", "Who may open it.", secret=True)


def load(tmp_path: Path, text: str, *more: str) -> Oven:
    files = []
    for number, content in enumerate((text, *more)):
        file = tmp_path / f"{number}.conf"
        file.write_text(content)
        files.append(str(file))
    return loader.load([Oven], files).section(Oven)


def test_what_is_not_in_the_file_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Oven()


def test_values_have_the_type_of_their_option(tmp_path: Path) -> None:
    text = "[oven]\nname = big\ndegrees = 220\nratio = 2\nfan = yes\nshelves = a, b ,c\nmode = fast\n"
    oven = load(tmp_path, text)
    assert oven == Oven(name="big", degrees=220, ratio=2.0, fan=True, shelves=("a", "b", "c"), mode="fast")
    assert isinstance(oven.ratio, float)


@pytest.mark.parametrize(
    "line", ["degrees = hot", "ratio = x", "fan = perhaps", "mode = medium", "no assignment", "[unclosed"]
)
def test_a_bad_value_is_refused_when_the_process_starts(tmp_path: Path, line: str) -> None:
    with pytest.raises(Invalid, match="configuration"):
        load(tmp_path, f"[oven]\n{line}\n")


def test_of_several_files_the_last_wins_key_by_key(tmp_path: Path) -> None:
    oven = load(tmp_path, "[oven]\ndegrees = 1\nname = a\n", "[oven]\ndegrees = 2\n")
    assert (oven.degrees, oven.name) == (2, "a")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.conf", tmp_path):
        with pytest.raises(Invalid, match=str(path)):
            loader.load([Oven], [str(path)])


def test_nothing_but_the_files_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor the arguments of the process: a copied file is the same everywhere."""
    monkeypatch.setenv("OS_OVEN__DEGREES", "999")
    monkeypatch.setattr("sys.argv", ["x", "--oven-degrees", "888"])
    assert load(tmp_path, "").degrees == 180


def test_a_dollar_in_a_value_is_a_dollar(tmp_path: Path) -> None:
    """In passwords, mostly."""
    assert load(tmp_path, "[oven]\nkey = pa$word$$x${y}\n").key == "pa$word$$x${y}"


def test_other_characters_of_passwords_survive(tmp_path: Path) -> None:
    password = "%s%20 'one' \"two\" Ä密#;=:\\n"
    assert load(tmp_path, f"[oven]\nkey = {password}\n").key == password


def test_two_configurations_live_in_one_process(tmp_path: Path) -> None:
    first = loader.load([Oven], [str(write(tmp_path / "a", "[oven]\ndegrees = 1\n"))])
    second = loader.load([Oven], [str(write(tmp_path / "b", "[oven]\ndegrees = 2\n"))])
    assert (first.section(Oven).degrees, second.section(Oven).degrees) == (1, 2)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_section_can_not_be_changed(tmp_path: Path) -> None:
    with pytest.raises(FrozenInstanceError):
        load(tmp_path, "").degrees = 5  # type: ignore[misc]


def test_mistypings_are_found_in_keys_and_in_sections(tmp_path: Path) -> None:
    first = write(tmp_path / "a", "[oven]\ndegres = 1\nname = x\n[DEFAULT]\ndebug = true\n")
    second = write(tmp_path / "b", "[ovn]\ndegrees = 1\n")
    assert loader.unknown_keys([Oven], [str(first), str(second)]) == ["DEFAULT.debug", "oven.degres", "ovn.degrees"]
    assert loader.unknown_keys([Oven], [str(write(tmp_path / "c", "[oven]\nfan = 1\n"))]) == []


def test_the_host_is_the_machines_unless_it_is_named() -> None:
    assert loader.load([Oven], None).host == socket.gethostname()
    assert loader.load([Oven], None, "node7").host == "node7"


def test_the_sample_shows_every_option_with_its_default_and_its_choices() -> None:
    text = loader.sample([Oven])
    for line in ("[oven]", "# What bakes.", "# How hot.", "# degrees = 180", "# fan = false", "# shelves = top,bottom",
                 "# How. (slow, fast)", "# key ="):  # fmt: skip
        assert line in [found.rstrip() for found in text.splitlines()]


def test_every_option_of_ours_has_a_help_text_and_secrets_are_marked() -> None:
    for section in sections.ALL:
        for item in fields(section):
            name = item.name
            assert len(item.metadata["help"]) > 3, f"{section.__name__}.{name}"
            telling = any(word in name for word in ("secret", "password", "connection", "urls"))
            telling &= section is not sections.SecurityCompliance  # rules about passwords, none of which is one
            assert item.metadata["secret"] == telling, f"{section.__name__}.{name}"


def test_the_defaults_are_one_consistent_cloud() -> None:
    """Ports don't collide, and the parts find each other."""
    api = sections.Api()
    listens = [getattr(api, name) for name in vars(api) if name.endswith("_listen")]
    assert len(listens) == 6
    assert len(set(listens)) == 6
    assert sections.Network().metadata_url == f"http://{api.metadata_listen.rstrip('/')}"
    assert sections.Conductor().lease > 2 * sections.Conductor().sweep
