"""What the handlers of the network API are given."""

from __future__ import annotations

from dataclasses import dataclass

from iaas.db.engine import Database
from iaas.network.settings import Settings


@dataclass(frozen=True, kw_only=True)
class NetworkServices:
    database: Database
    settings: Settings
