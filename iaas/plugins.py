"""Plug-ins by name: drivers, filters, weighers, stores. One plug-in is one module (or package) in its folder.

The convention: ``iaas/<package>/<name>.py`` has a module-level ``PLUGIN``, a class (or factory) that the
caller calls. The config value is the file's name; nothing is registered anywhere. Only the module that is
asked for is imported, so an unused driver costs no memory and its missing library breaks nobody.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Any

from iaas.errors import Invalid

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def names(package: str) -> tuple[str, ...]:
    """The plug-ins in the folder, sorted. Modules whose name begins with an underscore are not plug-ins."""
    folder = importlib.import_module(package)
    return tuple(sorted(info.name for info in pkgutil.iter_modules(folder.__path__) if info.name[0] != "_"))


def load(package: str, name: str) -> Any:
    """The ``PLUGIN`` of ``<package>/<name>.py``. Raises Invalid for a name that is not in the folder (the
    config is wrong) or a module without PLUGIN; an ImportError of the plug-in's own passes through."""
    if not _NAME.fullmatch(name) or name not in names(package):
        raise Invalid(
            f"There is no {name[:64]!r} in {package}; there is: {', '.join(names(package))}.", field=name[:64]
        )
    module = importlib.import_module(f"{package}.{name}")
    plugin = getattr(module, "PLUGIN", None)
    if plugin is None:
        raise Invalid(f"{package}.{name} has no PLUGIN.", field=name)
    return plugin
