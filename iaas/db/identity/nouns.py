"""The plain collections of the identity service; what is special about a noun is in its own file."""

from __future__ import annotations

from iaas.db.identity.rows import Rows
from iaas.db.schema import identity as schema
from iaas.model.catalog import Endpoint, Region, Service
from iaas.model.project import Domain, Project
from iaas.model.role import Role
from iaas.model.user import Group, User

DOMAINS = Rows(schema.domains, Domain, "domain")
PROJECTS = Rows(schema.projects, Project, "project")
USERS = Rows(schema.users, User, "user")
GROUPS = Rows(schema.groups, Group, "group")
ROLES = Rows(schema.roles, Role, "role")
REGIONS = Rows(schema.regions, Region, "region")
SERVICES = Rows(schema.services, Service, "service")
ENDPOINTS = Rows(schema.endpoints, Endpoint, "endpoint")
