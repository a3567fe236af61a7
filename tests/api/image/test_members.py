"""Sharing: the owner invites, the member answers, and nobody goes around either (S-026)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.image.conftest import As


@pytest.fixture
def carol(api: Callable[[str], As]) -> As:
    return api("carol")


def names(who: As, query: str = "") -> list[str]:
    return [image["name"] for image in who.get(f"/v2/images{query}").json["images"]]


def test_an_invited_project_sees_the_image_and_lists_it_once_it_accepted(alice: As, bob: As, carol: As) -> None:
    image = alice.active(b"data", name="gift")
    members = f"{image['self']}/members"
    answer = alice.post(members, {"member": "beta"})
    assert answer.status_code == 200
    assert {name: answer.json[name] for name in ("image_id", "member_id", "status", "schema")} == {
        "image_id": image["id"], "member_id": "beta", "status": "pending", "schema": "/v2/schemas/member",
    }  # fmt: skip
    assert bob.get(image["self"]).status_code == bob.get(image["file"]).status_code == 200
    assert names(bob) == []
    assert names(bob, "?member_status=pending") == ["gift"]
    assert names(bob, "?visibility=shared&member_status=all") == ["gift"]
    answer = bob.put(f"{members}/beta", {"status": "accepted"})
    assert (answer.status_code, answer.json["status"]) == (200, "accepted")
    assert names(bob) == names(bob, "?visibility=shared") == ["gift"]
    bob.put(f"{members}/beta", {"status": "rejected"})
    assert names(bob) == []
    assert carol.get(image["self"]).status_code == 404
    assert alice.delete(f"{members}/beta").status_code == 204
    assert bob.get(image["self"]).status_code == bob.get(image["file"]).status_code == 404


def test_a_member_can_not_share_on_nor_act_as_the_owner(alice: As, bob: As, carol: As) -> None:
    """S-026"""
    image = alice.create()
    members = f"{image['self']}/members"
    alice.post(members, {"member": "beta"})
    bob.put(f"{members}/beta", {"status": "accepted"})
    assert bob.post(members, {"member": "gamma"}).status_code == 403
    assert bob.delete(f"{members}/beta").status_code == 403
    assert bob.delete(image["self"]).status_code == 403
    assert bob.patch(image["self"], {"op": "replace", "path": "/visibility", "value": "public"}).status_code == 403
    assert bob.put(f"{image['self']}/tags/x").status_code == 403
    assert carol.get(members).status_code == carol.get(f"{members}/beta").status_code == 404


def test_only_the_member_itself_answers(alice: As, bob: As, carol: As, root: As) -> None:
    """S-026"""
    image = alice.create()
    members = f"{image['self']}/members"
    alice.post(members, {"member": "beta"})
    alice.post(members, {"member": "gamma"})
    assert alice.put(f"{members}/beta", {"status": "accepted"}).status_code == 403
    assert carol.put(f"{members}/beta", {"status": "accepted"}).status_code == 404
    assert bob.put(f"{members}/beta", {"status": "maybe"}).status_code == 400
    assert root.put(f"{members}/beta", {"status": "accepted"}).status_code == 200


def test_members_see_themselves_and_the_owner_sees_all(alice: As, bob: As) -> None:
    image = alice.create()
    members = f"{image['self']}/members"
    for project in ("beta", "gamma"):
        alice.post(members, {"member": project})
    assert [item["member_id"] for item in alice.get(members).json["members"]] == ["beta", "gamma"]
    assert [item["member_id"] for item in bob.get(members).json["members"]] == ["beta"]
    assert bob.get(f"{members}/beta").json["member_id"] == "beta"
    assert bob.get(f"{members}/gamma").status_code == 404
    assert alice.get(f"{members}/nobody").status_code == 404


def test_what_can_not_be_a_member(alice: As) -> None:
    image = alice.create()
    members = f"{image['self']}/members"
    assert alice.post(members, {"member": "beta"}).status_code == 200
    assert alice.post(members, {"member": "beta"}).status_code == 409
    assert alice.post(members, {"member": ""}).status_code == alice.post(members, {}).status_code == 400
    assert alice.delete(f"{members}/nobody").status_code == 404
    for i in range(127):
        assert alice.post(members, {"member": f"p{i}"}).status_code == 200
    assert alice.post(members, {"member": "one-too-many"}).status_code == 413


def test_only_shared_images_have_members(alice: As) -> None:
    image = alice.create(visibility="private")
    assert alice.post(f"{image['self']}/members", {"member": "beta"}).status_code == 403
    assert alice.get(f"{image['self']}/members").status_code == 403
