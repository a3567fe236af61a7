"""/v3/credentials: CRUD, whose they are, and what the database holds of them."""

from __future__ import annotations

import hashlib
import json

import pytest

from iaas.identity.credentials import collection
from tests.api.identity.world import Case, World, at

SEED = "JBSWY3DPEHPK3PXP"
EC2 = json.dumps({"access": "key-of-member", "secret": "hush-hush"})


@pytest.fixture
def kept(world: World) -> World:
    """The member has a seed, ``c``, and an EC2 credential, ``e``."""
    body = {"user_id": world.ids["member"], "type": "totp", "blob": SEED, "label": "phone"}
    answer = world.request("member", "POST", "/credentials", {"credential": body})
    assert answer.status_code == 201, answer.text
    world.ids["c"] = at(answer.json, "credential.id")
    body = {"user_id": world.ids["member"], "project_id": world.ids["ours"], "type": "ec2", "blob": EC2}
    answer = world.request("member", "POST", "/credentials", {"credential": body})
    assert answer.status_code == 201, answer.text
    world.ids["e"] = at(answer.json, "credential.id")
    return world


def test_a_credential_is_shown_listed_changed_and_deleted_by_its_owner(kept: World) -> None:
    one = "/credentials/{c}"
    for case in (
        Case("member", "GET", one, 200, has=(("credential.blob", SEED), ("credential.type", "totp"),
             ("credential.user_id", "{member}"), ("credential.project_id", None), ("credential.label", "phone"))),
        Case("member", "GET", "/credentials?type=totp", 200, has=(("credentials.*.id", ["{c}"]),)),
        Case("member", "GET", "/credentials?user_id={member}", 200, has=(("credentials.#", 2),)),
        Case("member", "PATCH", one, 200, {"credential": {"blob": "other", "label": "tablet"}},
             (("credential.blob", "other"), ("credential.label", "tablet"), ("credential.type", "totp"))),
        Case("member", "GET", one, 200, has=(("credential.blob", "other"),)),
        Case("member", "DELETE", one, 204),
        Case("member", "GET", one, 404),
        Case("member", "DELETE", one, 404),
    ):  # fmt: skip
        kept.run(case)


def test_the_id_of_an_ec2_credential_is_the_hash_of_its_access_key(kept: World) -> None:
    assert kept.ids["e"] == hashlib.sha256(b"key-of-member").hexdigest()
    kept.run(Case("member", "POST", "/credentials", 409, {"credential": {
        "user_id": "{member}", "project_id": "{ours}", "type": "ec2", "blob": EC2}}))  # fmt: skip


def test_a_list_comes_in_pages(kept: World) -> None:
    first = kept.run(Case("member", "GET", "/credentials?limit=1", 200, has=(("credentials.#", 1),)))
    assert "marker=" in at(first.json, "links.next")
    [item] = at(first.json, "credentials")
    marker = item["id"]
    [other] = {kept.ids["c"], kept.ids["e"]} - {marker}
    kept.run(Case("member", "GET", f"/credentials?marker={marker}", 200, has=(("credentials.*.id", [other]),)))


def test_another_users_credentials_do_not_exist(kept: World) -> None:
    """S-038: every verb, and the rows stay as they were."""
    before = kept.state()
    theirs = {"user_id": "{member}", "type": "cert", "blob": "x"}
    for case in (
        Case("stranger", "GET", "/credentials", 200, has=(("credentials", []),)),
        Case("stranger", "GET", "/credentials?user_id={member}", 200, has=(("credentials", []),)),
        Case("stranger", "GET", "/credentials/{c}", 404),
        Case("stranger", "PATCH", "/credentials/{c}", 404, {"credential": {"blob": "mine"}}),
        Case("stranger", "PATCH", "/credentials/{e}", 404, {"credential": {"user_id": "{stranger}"}}),
        Case("stranger", "DELETE", "/credentials/{c}", 404),
        Case("stranger", "POST", "/credentials", 403, {"credential": theirs}),
        Case("stranger", "POST", "/credentials", 404, {"credential": {**theirs, "user_id": "{stranger}",
             "project_id": "{ours}"}}),
        Case("system_reader", "PATCH", "/credentials/{c}", 403, {"credential": {"blob": "mine"}}),
        Case("system_reader", "DELETE", "/credentials/{c}", 403),
    ):  # fmt: skip
        kept.run(case)
    assert kept.state() == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"user_id": "{stranger}"}, 403),
        ({"project_id": "{theirs}"}, 403),
        ({"project_id": None}, 403),
        ({"type": "totp"}, 400),
        ({"blob": json.dumps({"access": "another", "secret": "hush-hush"})}, 400),
        ({"blob": json.dumps({"access": "key-of-member", "secret": "s", "trust_id": "t"})}, 400),
        ({"blob": json.dumps({"access": "key-of-member", "secret": "s", "app_cred_id": "a"})}, 400),
        ({"blob": json.dumps({"access": "key-of-member"})}, 400),
        ({"blob": "no json"}, 400),
    ],
    ids=str,
)
def test_what_an_ec2_credential_is_bound_to_stays(kept: World, change: dict[str, object], status: int) -> None:
    """S-038: neither another user, nor another project, nor a delegation that it does not have."""
    before = kept.state()
    kept.run(Case("member", "PATCH", "/credentials/{e}", status, {"credential": change}))
    assert kept.state() == before


def test_an_administrator_sees_all_of_them_and_may_move_one(kept: World) -> None:
    moved = {"user_id": "{stranger}", "project_id": "{theirs}"}
    for case in (
        Case("admin", "GET", "/credentials", 200, has=(("credentials.#", 2),)),
        Case("system_reader", "GET", "/credentials?user_id={member}&type=ec2", 200, has=(("credentials.#", 1),)),
        Case("admin", "PATCH", "/credentials/{e}", 200, {"credential": moved}, (("credential.user_id", "{stranger}"),)),
        Case("admin", "PATCH", "/credentials/{e}", 400, {"credential": {"user_id": "nobody"}}),
        Case("member", "GET", "/credentials/{e}", 404),
        Case("admin", "DELETE", "/credentials/{e}", 204),
        Case("admin", "GET", "/credentials/{e}", 404),
    ):
        kept.run(case)


@pytest.mark.parametrize(
    "wrong",
    [
        {"blob": None},
        {"blob": {"access": "a"}},
        {"type": "ec2", "blob": "{}", "project_id": "{ours}"},
        {"type": "ec2", "blob": "[" * 1000, "project_id": "{ours}"},
        {"type": "ec2", "blob": EC2},
        {"type": "ec2", "blob": '{"access": "\\ud800", "secret": "s"}', "project_id": "{ours}"},
        {"type": "ec2", "blob": '{"access": "a", "secret": "\\udfff"}', "project_id": "{ours}"},
        {"type": "ec2", "blob": '{"access": "a", "secret": ' + "1" * 5000 + "}", "project_id": "{ours}"},
        {"type": "EC2", "blob": json.dumps({"access": "a", "secret": "s", "trust_id": "t"}), "project_id": "{ours}"},
        {"type": ""},
        {"blob": "x" * 65537},
    ],
    ids=lambda wrong: str(wrong)[:60],
)
def test_a_wrong_credential_is_400(world: World, wrong: dict[str, object]) -> None:
    body = {"user_id": "{member}", "type": "cert", "blob": "x", **wrong}
    before = world.state()
    world.run(Case("member", "POST", "/credentials", 400, {"credential": body}))
    assert world.state() == before


def test_a_user_has_a_bounded_number_of_them(kept: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST", 3)
    for who, status in (("member", 201), ("member", 403), ("stranger", 201)):
        body = {"user_id": f"{{{who}}}", "type": "cert", "blob": "x"}
        kept.run(Case(who, "POST", "/credentials", status, {"credential": body}))
    kept.run(Case("member", "POST", "/users/{member}/credentials/OS-EC2", 403, {"tenant_id": "{ours}"}))


def test_no_secret_is_in_the_database(kept: World) -> None:
    """S-123, S-128: neither a seed nor an EC2 secret, in any table."""
    dump = repr(kept.state())
    for secret in (SEED, "hush-hush", "key-of-member"):
        assert secret not in dump


def test_credentials_go_with_their_user_and_with_their_project(kept: World) -> None:
    kept.run(Case("admin", "DELETE", "/projects/{ours}", 204))
    kept.run(Case("admin", "GET", "/credentials", 200, has=(("credentials.*.id", ["{c}"]),)))
    kept.run(Case("admin", "DELETE", "/users/{member}", 204))
    kept.run(Case("admin", "GET", "/credentials", 200, has=(("credentials", []),)))
