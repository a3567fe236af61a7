"""Policy rules that no route has of its own: finer rights inside a route, under their published names."""

from __future__ import annotations

from iaas.api.route import ADMIN, MEMBER, READER, Rule

FORCED_HOST = Rule("os_compute_api:servers:create:forced_host", ADMIN, "Create on a host by zone:host.")
REQUESTED_DESTINATION = Rule("os_compute_api:servers:create:requested_destination", ADMIN, "Create on a named host.")
ZERO_DISK = Rule("os_compute_api:servers:create:zero_disk_flavor", ADMIN, "Local disk by a flavor without a size.")
ATTACH_NETWORK = Rule("os_compute_api:servers:create:attach_network", MEMBER, "Create with networks.")
ALL_TENANTS = Rule("os_compute_api:servers:index:get_all_tenants", ADMIN, "List the servers of every project.")
ALL_TENANTS_DETAIL = Rule("os_compute_api:servers:detail:get_all_tenants", ADMIN, "The same with details.")
ALL_FILTERS = Rule("os_compute_api:servers:allow_all_filters", ADMIN, "Filter lists by host, project and the like.")
EXTENDED = Rule("os_compute_api:os-extended-server-attributes", ADMIN, "See host and hypervisor of a server.")
HOST_STATUS = Rule("os_compute_api:servers:show:host_status", ADMIN, "See the state of a server's host.")
EXTRA_SPECS = Rule("os_compute_api:os-flavor-extra-specs:index", READER, "See a flavor's extra specs.")
UNLOCK_OVERRIDE = Rule("os_compute_api:os-lock-server:unlock:unlock_override", ADMIN, "Open an administrator's lock.")
EVENTS = Rule("os_compute_api:os-instance-actions:events", ADMIN, "See the traceback of a step.")
EVENT_DETAILS = Rule("os_compute_api:os-instance-actions:events:details", ADMIN, "See the host of a step.")
OTHER_LIMITS = Rule("os_compute_api:limits:other_project", ADMIN, "Limits of another project.")
ALL_GROUPS = Rule("os_compute_api:os-server-groups:index:all_projects", ADMIN, "Server groups of every project.")
SWAP_VOLUME = Rule("os_compute_api:os-volumes-attachments:swap", ADMIN, "Exchange a server's volume for another.")
MIGRATE_TO = Rule("os_compute_api:os-migrate-server:migrate:host", ADMIN, "Migrate to a named host.")
MIGRATE_LIVE_TO = Rule("os_compute_api:os-migrate-server:migrate_live:host", ADMIN, "Live-migrate to a named host.")

RULES = (
    FORCED_HOST, REQUESTED_DESTINATION, ZERO_DISK, ATTACH_NETWORK, ALL_TENANTS, ALL_TENANTS_DETAIL, ALL_FILTERS,
    EXTENDED, HOST_STATUS, EXTRA_SPECS, UNLOCK_OVERRIDE, EVENTS, EVENT_DETAILS, OTHER_LIMITS,
    ALL_GROUPS, SWAP_VOLUME, MIGRATE_TO, MIGRATE_LIVE_TO,
)  # fmt: skip
