"""What a cloud starts with: keys, roles, the first projects and users, the catalog.

A second run repairs. It never takes anything away but a changed URL, and it never touches what it did not make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iaas.db.engine import Tx
from iaas.db.identity import assignments, catalog, roles, users
from iaas.db.identity.nouns import DOMAINS, ENDPOINTS, PROJECTS, REGIONS, ROLES, SERVICES, USERS
from iaas.identity.password_rules import is_expired
from iaas.ids import new_hex
from iaas.model.catalog import INTERFACES, Endpoint, Region, Service
from iaas.model.project import DEFAULT_DOMAIN, Domain, Project
from iaas.model.role import SYSTEM, Actor, Assignment, Role, Target
from iaas.model.user import Reference, User

if TYPE_CHECKING:
    from iaas.identity.service import IdentityServices

ADMIN, SERVICE_USER, SERVICE_PROJECT, SERVICE_ROLE = "admin", "iaas", "service", "service"
ROLE_NAMES = ("admin", "manager", "member", "reader", "service")
IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
SERVICE_TYPES = {
    "identity": "keystone",
    "image": "glance",
    "compute": "nova",
    "network": "neutron",
    "volumev3": "cinderv3",
}


@dataclass(frozen=True)
class Urls:
    """The three URLs of one service; internal and admin default to the public one."""

    public: str
    internal: str | None = None
    admin: str | None = None

    def of(self, interface: str) -> str:
        return {"internal": self.internal, "admin": self.admin}.get(interface) or self.public


Endpoints = Mapping[str, Urls]  # by a service type of SERVICE_TYPES, or another one


def bootstrap(services: IdentityServices, admin_password: str, endpoints: Endpoints, region: str) -> list[str]:
    """Answers what was made or repaired, in words; an empty list when everything was there."""
    changed = ["created the token keys"] if services.keys.create() else []
    changed += ["created the credential keys"] if services.vault.keys.create() else []
    hashed = None if _is_password(services, admin_password) else services.passwords.hash(admin_password)

    def work(tx: Tx) -> list[str]:
        done: list[str] = []
        _tree(tx, done)
        _people(tx, done, hashed)
        _catalog(tx, done, endpoints, region)
        return done

    changed += services.database.run(work)
    services.validator.forget()
    return changed


def _is_password(services: IdentityServices, password: str) -> bool:
    with services.database.read() as tx:
        known = users.login(tx, Reference(name=ADMIN, domain_id=DEFAULT_DOMAIN))
        usable = known is not None and not is_expired(known, tx.now())
    return usable and known is not None and services.passwords.check(password, known.password_hash)


def _tree(tx: Tx, done: list[str]) -> None:
    domain = DOMAINS.find(tx, id=DEFAULT_DOMAIN)
    if domain is None:
        DOMAINS.create(tx, Domain(id=DEFAULT_DOMAIN, name="Default", description="The default domain"))
        done.append("created domain Default")
    elif not domain.enabled:
        DOMAINS.update(tx, domain.id, {"enabled": True})
        done.append("enabled domain Default")
    for name, about in (
        (ADMIN, "Bootstrap project of the administrators"),
        (SERVICE_PROJECT, "The platform's own users"),
    ):
        project = PROJECTS.find(tx, domain_id=DEFAULT_DOMAIN, name=name)
        if project is None:
            PROJECTS.create(tx, Project(
                id=new_hex(), name=name, description=about, domain_id=DEFAULT_DOMAIN, parent_id=DEFAULT_DOMAIN
            ))  # fmt: skip
            done.append(f"created project {name}")
        elif not project.enabled:
            PROJECTS.update(tx, project.id, {"enabled": True})
            done.append(f"enabled project {name}")
    _roles(tx, done)


def _roles(tx: Tx, done: list[str]) -> None:
    ids = {}
    for name in ROLE_NAMES:
        role = ROLES.find(tx, name=name, domain_id=None)
        if role is None:
            role = ROLES.create(tx, Role(id=new_hex(), name=name, options={"immutable": True}))
            done.append(f"created role {name}")
        ids[name] = role.id
    for prior, implied in IMPLIED:
        if not roles.implies(tx, ids[prior], ids[implied]):
            roles.add_inference(tx, ids[prior], ids[implied])
            done.append(f"role {prior} implies {implied}")


def _people(tx: Tx, done: list[str], admin_hash: str | None) -> None:
    admin = _user(tx, done, ADMIN, admin_hash)
    iaas = _user(tx, done, SERVICE_USER, None)
    grants = (
        (admin, Target.PROJECT, ADMIN, ADMIN),
        (admin, Target.SYSTEM, SYSTEM, ADMIN),
        (iaas, Target.PROJECT, SERVICE_PROJECT, SERVICE_ROLE),
    )
    for user, kind, where, role_name in grants:
        role = ROLES.find(tx, name=role_name, domain_id=None)
        place = PROJECTS.find(tx, domain_id=DEFAULT_DOMAIN, name=where)
        target = SYSTEM if kind is Target.SYSTEM else place.id if place else ""
        grant = Assignment(
            actor_type=Actor.USER,
            actor_id=user.id,
            target_type=kind,
            target_id=target,
            role_id=role.id if role else "",
        )
        if not assignments.exists(tx, grant):
            assignments.add(tx, grant)
            done.append(f"gave {user.name} the role {role_name} on {kind.value} {where}")


def _user(tx: Tx, done: list[str], name: str, password_hash: str | None) -> User:
    """The user, made or enabled; a hash is set when given, never expires, and ends the tokens of an old password."""
    user = USERS.find(tx, domain_id=DEFAULT_DOMAIN, name=name)
    if user is None:
        user = User(id=new_hex(), domain_id=DEFAULT_DOMAIN, name=name)
        USERS.create(tx, user, password_own=False)
        done.append(f"created user {name}")
    elif not user.enabled:
        USERS.update(tx, user.id, {"enabled": True})
        done.append(f"enabled user {name}")
    if password_hash is not None:
        users.set_password(tx, user.id, password_hash, own=False, expires_at=None, kept=0)
        done.append(f"set the password of user {name}")
    return user


def _catalog(tx: Tx, done: list[str], endpoints: Endpoints, region: str) -> None:
    if REGIONS.find(tx, id=region) is None:
        REGIONS.create(tx, Region(id=region))
        done.append(f"created region {region}")
    for kind, urls in endpoints.items():
        ids = catalog.service_ids(tx, kind)
        if not ids:
            service = Service(id=new_hex(), type=kind, name=SERVICE_TYPES.get(kind, kind))
            ids = [SERVICES.create(tx, service).id]
            done.append(f"created service {kind}")
        for interface in INTERFACES:
            url = urls.of(interface)
            known = catalog.find_endpoint(tx, ids[0], interface, region)
            if known is None:
                ENDPOINTS.create(tx, Endpoint(
                    id=new_hex(), service_id=ids[0], interface=interface, url=url, region_id=region,
                ))  # fmt: skip
                done.append(f"created the {interface} endpoint of {kind}")
            elif known.url != url or not known.enabled:
                ENDPOINTS.update(tx, known.id, {"url": url, "enabled": True})
                done.append(f"changed the {interface} endpoint of {kind}")
