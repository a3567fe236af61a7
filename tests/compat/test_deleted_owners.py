"""What is left of a deleted project or user: nobody else's, and the operator's to find (S-070, A-092)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from keystoneauth1 import exceptions as faults
from keystoneauth1 import session as ks

from iaas.identity.bootstrap import Urls
from tests.compat.cloud import PASSWORD, Cloud
from tests.compat.compute import add_compute
from tests.compat.volume import add_volume


@dataclass(frozen=True, eq=False)
class Noun:
    """One thing that a project owns: where it is made and listed, and what in the list says whose it is."""

    service: str
    path: str
    key: str  # in bodies; images have none
    body: dict[str, Any]
    owner: str = "project_id"
    listed: str = ""  # how an operator asks for everybody's
    mine: str = ""  # how a user asks for as much as there is to see

    def read(self, answer: Any, plural: bool = False) -> Any:
        found = answer.json()
        if plural:
            return found[self.path.split("/")[-1].replace("-", "_").removeprefix("os_")]
        return found[self.key] if self.key else found


ALL = "/detail?all_tenants=1"
SERVER = {"name": "left", "flavorRef": "1", "networks": "none"}
NOUNS = (
    Noun("network", "/v2.0/networks", "network", {"name": "left"}),
    Noun("network", "/v2.0/routers", "router", {"name": "left"}),
    Noun("network", "/v2.0/security-groups", "security_group", {"name": "left"}),
    Noun("image", "/v2/images", "", {"name": "left"}, "owner"),
    Noun("compute", "/servers", "server", SERVER, "tenant_id", ALL, "/detail"),
    Noun("compute", "/os-server-groups", "server_group", {"name": "left", "policies": ["affinity"]},
         listed="?all_projects=1"),
    Noun("volumev3", "/volumes", "volume", {"name": "left", "size": 1}, "os-vol-tenant-attr:tenant_id", ALL, "/detail"),
    Noun("volumev3", "/snapshots", "snapshot", {"name": "left"}, "os-extended-snapshot-attributes:project_id", ALL,
         "/detail"),
)  # fmt: skip


@pytest.fixture(scope="module")
def full(cloud: Cloud) -> Cloud:
    """The cloud with all services, a flavor and a public image; its catalog is as an older cloud's (A-106)."""
    add_compute(cloud)
    add_volume(cloud)
    session = cloud.session()
    for service in ("compute", "volumev3"):
        url = session.get_endpoint(service_type=service)
        cloud.identity.bootstrap(PASSWORD, {service: Urls(f"{url}/$(tenant_id)s")})
    sdk = cloud.sdk()
    sdk.compute.create_flavor(name="f", id="1", ram=64, vcpus=1, disk=1)
    sdk.image.create_image(name="i", disk_format="raw", container_format="bare", visibility="public", data=b"d" * 512)
    return cloud


def member(cloud: Cloud, name: str) -> ks.Session:
    """A user of a project of the same name."""
    identity = cloud.sdk().identity
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(name=name, domain_id="default", password="secret", default_project_id=project.id)
    identity.assign_project_role_to_user(project, user, identity.find_role("member"))
    return cloud.session(username=name, password="secret", user_domain_name="Default", project_name=name,
                         project_domain_name="Default")  # fmt: skip


def at(noun: Noun) -> dict[str, Any]:
    return {"endpoint_filter": {"service_type": noun.service}, "headers": {"OpenStack-API-Version": "compute 2.37"}}


def make(session: ks.Session, image: str) -> dict[Noun, str]:
    """Ids of what the session's project owns now."""
    made: dict[Noun, str] = {}
    for noun in NOUNS:
        body = dict(noun.body)
        if noun.key == "server":
            body["imageRef"] = image
        if noun.key == "snapshot":
            body["volume_id"] = next(id for other, id in made.items() if other.key == "volume")
        answer = session.post(noun.path, json={noun.key: body} if noun.key else body, **at(noun))
        made[noun] = noun.read(answer)["id"]
    return made


def owners(session: ks.Session, noun: Noun, how: str) -> dict[str, str]:
    """Whose each thing of the list is, by id."""
    found = noun.read(session.get(noun.path + how, **at(noun)), plural=True)
    if noun.service == "network":
        assert all(item["tenant_id"] == item["project_id"] for item in found)
    return {item["id"]: item.get(noun.owner) for item in found}


def test_what_a_deleted_project_owned_is_for_nobody_but_the_operator(full: Cloud) -> None:
    """S-070: also when another project takes the old one's name, and another user the old one's. Every service."""
    cloud, admin = full, full.session()
    assert str(admin.get_endpoint(service_type="compute")).endswith(f"/v2.1/{admin.get_project_id()}")
    gone = member(cloud, "gone")
    left, old = make(gone, next(cloud.sdk().image.images()).id), gone.get_project_id()
    token = {"X-Auth-Token": gone.get_token()}
    identity = cloud.sdk().identity
    identity.delete_project(old, ignore_missing=False)
    identity.delete_user(identity.find_user("gone"), ignore_missing=False)
    cloud.services.validator.forget()  # what a second does
    others = [member(cloud, "gone"), member(cloud, "other")]
    for noun, id in reversed(left.items()):
        url = f"{noun.path}/{id}"
        for session in others:
            assert id not in owners(session, noun, noun.mine)
            for verb in (session.get, session.delete):
                with pytest.raises(faults.NotFound):
                    verb(url, **at(noun))
        with pytest.raises(faults.Unauthorized):
            ks.Session().get(admin.get_endpoint(service_type=noun.service) + url, headers=token)
        assert owners(admin, noun, noun.listed)[id] == old, noun.path
        assert admin.get(url, **at(noun)).status_code == 200
        admin.delete(url, **at(noun))
        assert id not in owners(admin, noun, noun.listed)
