"""Plug-ins are found by the name in the config, and only there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import plugins
from iaas.errors import Invalid


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    package = tmp_path / "shelf_for_plugins"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "red.py").write_text("class Red:\n    pass\n\nPLUGIN = Red\n")
    (package / "empty.py").write_text("")
    (package / "broken.py").write_text("import no_such_library\n")
    (package / "_shared.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package.name
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_the_plugin_named_in_the_config_is_loaded_and_no_other_is_imported(folder: str) -> None:
    assert plugins.load(folder, "red").__name__ == "Red"
    assert f"{folder}.broken" not in sys.modules


def test_the_folder_is_the_list(folder: str) -> None:
    assert plugins.names(folder) == ("broken", "empty", "red")


@pytest.mark.parametrize("name", ["blue", "", "_shared", "../red", "red.PLUGIN", "empty"])
def test_a_wrong_name_is_refused_with_words(folder: str, name: str) -> None:
    with pytest.raises(Invalid):
        plugins.load(folder, name)


def test_a_plugin_that_cannot_be_imported_says_why(folder: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        plugins.load(folder, "broken")
