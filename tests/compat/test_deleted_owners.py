"""What is left of a deleted project or user: nobody else's, and the operator's to find (S-070, A-092)."""

from __future__ import annotations

from typing import Any

import pytest
from keystoneauth1 import exceptions as faults
from keystoneauth1 import session as ks

from tests.compat.cloud import Cloud
from tests.compat.test_image_sdk import add_image
from tests.compat.test_network_clients import network

__all__ = ["network"]  # the fixture


def member(cloud: Cloud, name: str) -> ks.Session:
    """A user of a project of the same name."""
    identity = cloud.sdk().identity
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(name=name, domain_id="default", password="secret", default_project_id=project.id)
    identity.assign_project_role_to_user(project, user, identity.find_role("member"))
    return cloud.session(username=name, password="secret", user_domain_name="Default", project_name=name,
                         project_domain_name="Default")  # fmt: skip


def make(session: ks.Session) -> dict[str, Any]:
    """URLs of what the session's project owns, by service type."""
    body = {"network": {"name": "left"}}
    net = session.post("/v2.0/networks", json=body, endpoint_filter={"service_type": "network"}).json()["network"]
    image = session.post("/v2/images", json={"name": "left"}, endpoint_filter={"service_type": "image"}).json()
    return {"network": f"/v2.0/networks/{net['id']}", "image": f"/v2/images/{image['id']}"}


LISTS = {"network": ("/v2.0/networks", "networks", "project_id"), "image": ("/v2/images", "images", "owner")}


def owners(session: ks.Session, service: str) -> set[str]:
    path, key, owner = LISTS[service]
    found = session.get(path, endpoint_filter={"service_type": service}).json()[key]
    if service == "network":
        assert all(item["tenant_id"] == item["project_id"] for item in found)
    return {item[owner] for item in found}


def test_what_a_deleted_project_owned_is_for_nobody_but_the_operator(network: Cloud) -> None:
    """S-070: also when another project takes the old one's name, and another user the old one's."""
    cloud = network
    add_image(cloud)
    gone = member(cloud, "gone")
    left, old = make(gone), gone.get_project_id()
    token = {"X-Auth-Token": gone.get_token()}
    identity = cloud.sdk().identity
    identity.delete_project(old, ignore_missing=False)
    identity.delete_user(identity.find_user("gone"), ignore_missing=False)
    cloud.services.validator.forget()  # what a second does
    again, other = member(cloud, "gone"), member(cloud, "other")
    admin = cloud.session()
    for service, url in left.items():
        for session in (again, other):
            assert old not in owners(session, service)
            for verb in (session.get, session.delete):
                with pytest.raises(faults.NotFound):
                    verb(url, endpoint_filter={"service_type": service})
        with pytest.raises(faults.Unauthorized):
            ks.Session().get(admin.get_endpoint(service_type=service) + url, headers=token)
        assert old in owners(admin, service)
        assert admin.get(url, endpoint_filter={"service_type": service}).status_code == 200
        admin.delete(url, endpoint_filter={"service_type": service})
