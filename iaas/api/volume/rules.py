"""Policy rules that no route has of its own."""

from __future__ import annotations

from iaas.api.route import ADMIN, Rule

RULES = (Rule("volume:get_all_tenants", ADMIN, "List the volumes of every project."),)
