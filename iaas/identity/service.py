"""The identity service as one value: its handlers get it as ``call.services``, the facade stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from iaas.clock import Clock
from iaas.config.sections import Auth, SecurityCompliance
from iaas.db.engine import Database
from iaas.db.identity import revocations
from iaas.identity.access import Validator
from iaas.identity.application_credentials import ApplicationCredentials
from iaas.identity.assignments import Assignments
from iaas.identity.catalog import Endpoints, Regions, Services
from iaas.identity.credentials.collection import Credentials
from iaas.identity.credentials.ec2 import Ec2Desk
from iaas.identity.credentials.vault import Vault
from iaas.identity.endpoint_filter import EndpointFilter, EndpointGroups
from iaas.identity.keys import KeyRing
from iaas.identity.limits import Limits, RegisteredLimits
from iaas.identity.login import LoginDesk
from iaas.identity.password_rules import PasswordRules
from iaas.identity.passwords import Passwords
from iaas.identity.policies import Policies
from iaas.identity.projects import Domains, Projects
from iaas.identity.roles import Roles
from iaas.identity.tickets import TicketDesk
from iaas.identity.tokens import TokenCodec
from iaas.identity.trusts import Trusts
from iaas.identity.users import Groups, Users
from iaas.model.token import Access

EVENTS = 10_000  # of each kind in one list of revocations


@dataclass(frozen=True, kw_only=True)
class IdentityServices:
    database: Database
    keys: KeyRing
    validator: Validator
    passwords: Passwords
    password_rules: PasswordRules
    login: LoginDesk
    tickets: TicketDesk
    domains: Domains
    projects: Projects
    users: Users
    groups: Groups
    roles: Roles
    assignments: Assignments
    regions: Regions
    services: Services
    endpoints: Endpoints
    vault: Vault
    credentials: Credentials
    ec2: Ec2Desk
    policies: Policies
    endpoint_groups: EndpointGroups
    endpoint_filter: EndpointFilter
    registered_limits: RegisteredLimits
    limits: Limits
    application_credentials: ApplicationCredentials
    trusts: Trusts

    @classmethod
    def open(
        cls, database: Database, auth: Auth, clock: Clock | None = None, compliance: SecurityCompliance | None = None
    ) -> IdentityServices:
        """``clock`` defaults to the database's; the keys are read on first use, so they may come later."""
        clock = clock or database.clock
        keys = KeyRing(auth.key_repository, clock)
        vault = Vault(database, KeyRing(_credential_keys(auth), clock, "credential"))
        codec, passwords = TokenCodec(keys), Passwords(auth.bcrypt_rounds)
        validator, tickets = Validator(database, codec, clock), TicketDesk(keys, clock)
        rules = PasswordRules(compliance)
        login = LoginDesk(database, codec, validator, passwords, vault, tickets, clock, auth.token_ttl, rules)
        return cls(
            database=database,
            keys=keys,
            validator=validator,
            passwords=passwords,
            password_rules=rules,
            login=login,
            tickets=tickets,
            domains=Domains(database),
            projects=Projects(database),
            users=Users(database, passwords, login, rules),
            groups=Groups(database),
            roles=Roles(database),
            assignments=Assignments(database),
            regions=Regions(database),
            services=Services(database),
            endpoints=Endpoints(database),
            vault=vault,
            credentials=Credentials(database, vault, auth.token_ttl),
            registered_limits=RegisteredLimits(database),
            limits=Limits(database, auth.limit_model),
            policies=Policies(database),
            endpoint_groups=EndpointGroups(database),
            endpoint_filter=EndpointFilter(database),
            ec2=Ec2Desk(database, vault, codec, auth.token_ttl),
            application_credentials=ApplicationCredentials(database, passwords),
            trusts=Trusts(database),
        )

    def revoke(self, access: Access, chain: bool = False) -> None:
        """Ends this token; with ``chain`` every token that descends from the same login (S-032)."""
        claims = access.claims
        audit_id = claims.chain_id if chain else claims.audit_ids[0]
        self.database.run(lambda tx: revocations.add(tx, audit_id, claims.expires_at, chain))
        self.validator.forget()

    def revocation_events(self, since: datetime) -> list[revocations.Event]:
        """What was revoked after the moment, the oldest first."""
        with self.database.read() as tx:
            return revocations.events(tx, since, EVENTS)


def _credential_keys(auth: Auth) -> str:
    return auth.credential_key_repository or str(Path(auth.key_repository) / "credentials")
