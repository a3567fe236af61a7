"""What every API of the cloud promises before its own handlers come in."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any

import pytest

from iaas import ids
from iaas.api.route import ANY, Route, Rule, collect
from iaas.errors import Internal
from tests.unit.api.small import LIMIT, as_, client


def test_every_answer_carries_a_request_id_of_its_own() -> None:
    http = client()
    seen = set()
    for path in ("/open", "/who", "/nowhere", "/broken"):
        for headers in ({}, as_("member")):
            seen.add(http.get(path, headers=headers).headers["X-OpenStack-Request-ID"])
    assert len(seen) == 8
    assert all(ids.is_request_id(id) for id in seen)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("req-" + "0a" * 4 + "-0000-4000-8000-" + "ab" * 6, True), ("req-1", False), ("x\tforged", False), ("", False)],
)
def test_a_callers_request_id_is_kept_only_in_the_published_form(given: str, kept: bool) -> None:
    answer = client().get("/who", headers=as_("member", X_OpenStack_Request_ID=given))
    assert answer.json is not None
    assert answer.json["context"]["global_request_id"] == (given if kept else None)
    assert answer.json["context"]["request_id"] == answer.headers["X-OpenStack-Request-ID"]
    assert answer.json["context"]["request_id"] != given


@pytest.mark.parametrize("headers", [{}, as_("nobody"), as_("")])
def test_without_a_valid_token_the_answer_is_401_and_the_body_is_not_looked_at(headers: dict[str, str]) -> None:
    answer = client().post("/things", headers=headers, data=b"{not json")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://identity.test/v3"'
    assert answer.json is not None and answer.json["fault"]["kind"] == "unauthenticated"


def test_a_public_route_needs_no_token() -> None:
    assert client().get("/open").json == {"open": True}


@pytest.mark.parametrize("path", ["/nowhere", "/who/a/b", "//open", "/open/../who", "/Open", "/%00", "/who/a%00b"])
def test_an_unknown_path_is_404_in_this_apis_words(path: str) -> None:
    answer = client().get(path, headers=as_("member"))
    assert answer.status_code == 404
    assert answer.json is not None and answer.json["fault"]["kind"] == "not_found"


def test_a_nul_in_the_query_is_refused_before_any_database_is_asked() -> None:
    answer = client().get("/who?name=a%00b", headers=as_("member"))
    assert answer.status_code == 400
    assert answer.json is not None and "NUL" in answer.json["fault"]["message"]
    assert client().get("/who?name=a%2500b", headers=as_("member")).status_code == 200


def test_a_trailing_slash_is_the_same_resource() -> None:
    assert client().get("/open/").status_code == 200


def test_a_method_that_the_resource_does_not_have_is_405_and_names_those_it_has() -> None:
    answer = client().get("/things", headers=as_("member"))
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, POST"
    assert answer.json is not None and answer.json["fault"]["kind"] == "method_not_allowed"


def test_head_is_get_without_the_body() -> None:
    answer = client().head("/who", headers=as_("member"))
    assert (answer.status_code, answer.data) == (200, b"")


def test_an_answer_without_content_has_no_content_type() -> None:
    answer = client().delete("/things", headers=as_("member"))
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers


def test_a_body_at_the_limit_is_read_and_one_over_it_is_413() -> None:
    """S-109"""
    http = client()
    frame = b'{"thing": {"name": "x"}}'
    assert http.post("/things", headers=as_("member"), data=frame.ljust(LIMIT)).status_code == 201
    assert http.post("/things", headers=as_("member"), data=frame.ljust(LIMIT + 1)).status_code == 413


def test_a_body_without_a_length_is_cut_at_the_limit() -> None:
    """S-109: after at most the limit is read."""
    stream = BytesIO(b" " * (LIMIT * 10))
    answer = client().post(
        "/things",
        headers=as_("member"),
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413
    assert stream.tell() <= LIMIT + 1


class Dripping(BytesIO):
    """A connection that delivers three bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3 if size is None or size < 0 else min(size, 3))


def test_a_body_that_comes_in_small_pieces_is_read_to_its_end() -> None:
    body = b'{"thing": {"name": "in pieces"}}'
    for length, terminated in ((str(len(body)), False), (str(len(body)), True), ("", True)):
        environ = {"wsgi.input": Dripping(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": length}
        if not terminated:
            del environ["wsgi.input_terminated"]
        answer = client().post("/things", headers=as_("member"), environ_overrides=environ)
        assert answer.status_code == 201, answer.text


def test_a_raw_route_streams_both_ways() -> None:
    answer = client().put("/file", headers=as_("member"), data=b"abcdefgh" * LIMIT)
    assert answer.data == b"abcd!"
    assert answer.headers["X-Length"] == str(8 * LIMIT)


def test_a_defect_is_500_without_its_details_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client().get("/broken", headers=as_("member"))
    assert answer.status_code == 500
    assert b"shadow" not in answer.data and b"Traceback" not in answer.data
    assert "shadow" in caplog.text


def test_what_a_client_says_about_itself_in_headers_is_ignored() -> None:
    """S-034: only the token decides."""
    http = client()
    for name in ("X-User-Id", "X_User_Id", "x-roles", "X-Roles", "X_ROLES", "X-Project-Id", "X-Is-Admin-Project",
                 "X-Identity-Status", "X-Service-Roles", "X-User", "X-Tenant-Id"):  # fmt: skip
        headers = {**as_("member"), name: "admin"}
        assert http.get("/admin", headers=headers).status_code == 403, name
        answer = http.get("/who", headers=headers)
        assert answer.json is not None
        assert (answer.json["context"]["user_id"], answer.json["context"]["is_admin"]) == ("m", False)


def test_a_query_key_named_like_a_path_variable_changes_nothing() -> None:
    """S-035"""
    http = client()
    assert http.get("/who/m?user_id=a", headers=as_("member")).status_code == 200
    assert http.get("/who/a?user_id=m", headers=as_("member")).status_code == 403
    assert http.get("/who/a?user_id=m", headers=as_("admin")).status_code == 200


def test_who_may_not_is_403_before_the_body_is_parsed() -> None:
    routes = (Route("POST", "/x", lambda call: None, policy=Rule("x", "!"), body={}),)
    assert client(routes).post("/x", headers=as_("admin"), data=b"{broken").status_code == 403


def test_the_key_of_the_body_selects_the_action_and_its_policy() -> None:
    http = client()
    assert http.post("/do", headers=as_("member"), json={"jump": {}}).json == {"did": "jump"}
    assert http.post("/do", headers=as_("member"), json={"run": None}).status_code == 403
    assert http.post("/do", headers=as_("admin"), json={"run": None}).json == {"did": "run"}
    wrong: tuple[Any, ...] = ({}, {"fly": {}}, [], None, "jump", {"jump": {}, "run": None})
    for body in wrong:
        assert http.post("/do", headers=as_("admin"), json=body).status_code == 400, body


def test_links_are_made_from_the_url_that_the_client_used() -> None:
    answer = client().get("/who?a=1", headers=as_("member"), base_url="http://cloud.example/mounted")
    assert answer.json is not None
    assert answer.json["url"] == "http://cloud.example/mounted/who?a=1"


@pytest.mark.parametrize("host", ['evil"<script>', "a b", "x" * 3000, "[::1", "\u00fc", "h:99999999"])
def test_a_strange_host_header_is_no_server_error(host: str) -> None:
    answer = client().get("/who", headers=as_("member"), environ_overrides={"HTTP_HOST": host})
    assert answer.status_code in (200, 400)
    assert b"<script>" not in answer.data


def test_route_tables_refuse_a_route_without_a_policy_and_a_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    import iaas.api.identity.versions as versions

    monkeypatch.setattr(versions, "ROUTES", (Route("GET", "/x", lambda call: None),))
    with pytest.raises(Internal, match="no policy"):
        collect("iaas.api.identity")
    twice = (Route("GET", "/x", lambda call: None, policy=Rule("x", ANY)),) * 2
    monkeypatch.setattr(versions, "ROUTES", twice)
    with pytest.raises(Internal, match="duplicate"):
        collect("iaas.api.identity")


def test_access_rules_are_asked_before_policy_and_body_by_every_api() -> None:
    """S-036: whatever the API's own words are, what no rule names is 401."""
    http = client()
    assert http.get("/who", headers=as_("robot")).status_code == 200
    assert http.get("/who/", headers=as_("robot")).status_code == 200
    assert http.post("/things", headers=as_("robot"), json={"thing": {"name": "x"}}).status_code == 201
    for method, path in (
        ("GET", "/who/m"),
        ("HEAD", "/who"),
        ("DELETE", "/things"),
        ("GET", "/admin"),
        ("POST", "/do"),
    ):
        answer = http.open(path, method=method, headers=as_("robot"), data=b"{not json")
        assert answer.status_code == 401, (method, path)
    assert http.get("/open", headers=as_("robot")).status_code == 200


def test_a_guarded_route_is_closed_to_restricted_and_delegated_callers() -> None:
    """S-036, S-037"""
    for who, status in (("member", 200), ("restricted", 403), ("trustee", 403)):
        assert client().get("/guarded", headers=as_(who)).status_code == status
