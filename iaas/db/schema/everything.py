"""All tables: imported by migrations and tests, never by a daemon that needs only some of them."""

import importlib
import pkgutil

import iaas.db.schema
from iaas.db.schema.metadata import metadata

for _module in pkgutil.iter_modules(iaas.db.schema.__path__):
    if _module.name != "everything":
        importlib.import_module(f"iaas.db.schema.{_module.name}")

__all__ = ["metadata"]
