"""Policy rules that no route has of its own: finer rights inside a route, under their published names."""

from __future__ import annotations

from iaas.api.route import ADMIN, READER, Rule

ALL_TENANTS = Rule("volume:get_all_tenants", ADMIN, "List the volumes of every project.")
HOST = Rule("volume_extension:volume_host_attribute", ADMIN, "See the host of a volume.")
PROJECT = Rule("volume_extension:volume_tenant_attribute", READER, "See the project of a volume.")
MIGRATION = Rule("volume_extension:volume_mig_status_attribute", ADMIN, "See the migration of a volume.")
EXTRA_SPECS = Rule("volume_extension:access_types_extra_specs", READER, "See a volume type's extra specs.")
QOS_SPECS = Rule("volume_extension:access_types_qos_specs_id", ADMIN, "See a volume type's QoS specs.")

SNAPSHOT_EXTENDED = Rule("volume_extension:extended_snapshot_attributes", READER, "See the project of a snapshot.")

RULES = (ALL_TENANTS, SNAPSHOT_EXTENDED, HOST, PROJECT, MIGRATION, EXTRA_SPECS, QOS_SPECS)
