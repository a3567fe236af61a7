"""Policy: default deny, no trap in absent values, and an operator's file that can't open more than it says."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iaas.api.policy import Policy
from iaas.api.route import MEMBER, READER, Rule
from iaas.context import Context
from iaas.errors import Forbidden, Internal
from tests.unit.api.small import CALLERS, as_, client


def test_a_rule_that_is_not_registered_denies_even_the_administrator() -> None:
    """S-063"""
    policy = Policy([Rule("known", "@")])
    assert not policy.allows("unknown", CALLERS["admin"])
    with pytest.raises(Forbidden):
        policy.enforce("unknown", CALLERS["admin"])


@pytest.mark.parametrize("who", ["domain", "unscoped"])
@pytest.mark.parametrize("check", [MEMBER, READER])
def test_a_caller_without_a_project_is_no_member_of_no_project(who: str, check: str) -> None:
    """Two absent project ids are not the same project."""
    policy = Policy([Rule("x", check)])
    assert not policy.allows("x", CALLERS[who])
    assert not policy.allows("x", CALLERS[who], {"project_id": None})
    assert not policy.allows("x", CALLERS[who], {"project_id": "None"})
    assert policy.allows("x", CALLERS["member"])


def test_a_member_of_one_project_is_none_of_another() -> None:
    policy = Policy([Rule("x", MEMBER)])
    assert not policy.allows("x", CALLERS["member"], {"project_id": "another"})
    assert policy.allows("x", CALLERS["admin"], {"project_id": "another"})


def test_a_reader_reads_and_does_not_write() -> None:
    policy = Policy([Rule("read", READER), Rule("write", MEMBER)])
    reader = Context(request_id="", user_id="r", project_id="p", roles=("reader",))
    assert policy.allows("read", reader)
    assert not policy.allows("write", reader)


def test_the_routes_of_an_api_answer_by_persona() -> None:
    http = client()
    expected = {"/who": "admin member domain unscoped", "/ours": "admin member", "/admin": "admin"}
    for path, allowed in expected.items():
        for who in CALLERS:
            status = 200 if who in allowed.split() else 403
            assert http.get(path, headers=as_(who)).status_code == status, (path, who)


def test_the_operators_file_overrides_rules_and_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    policy = Policy([Rule("x", "!"), Rule("y", "@")], str(file))
    assert not policy.allows("x", CALLERS["member"])
    file.write_text('"x": "role:member"\n"z": "@"\n')
    assert policy.allows("x", CALLERS["member"])
    assert policy.allows("y", CALLERS["member"])
    assert not policy.allows("z", CALLERS["member"]), "a rule that no route has opens nothing"
    file.write_text('{"x": "role:admin"}')
    os.utime(file, (1, 1))
    assert not policy.allows("x", CALLERS["member"])
    file.unlink()
    assert not policy.allows("x", CALLERS["admin"])


@pytest.mark.parametrize(
    "text", ["]: broken [", "just words", "- a\n- list\n", "x: 5\n", "x:\n", "x: []\n", '"x": "(role:member"\n']
)
def test_a_broken_file_opens_nothing_and_keeps_the_rest(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    policy = Policy([Rule("x", "!"), Rule("y", "@")], str(file))
    assert not policy.allows("x", CALLERS["member"])
    assert policy.allows("y", CALLERS["member"])


def test_a_file_that_breaks_later_keeps_the_rules_in_force(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"x": "role:member"\n')
    policy = Policy([Rule("x", "!")], str(file))
    file.write_text('"x": [')
    os.utime(file, (1, 1))
    assert policy.allows("x", CALLERS["member"])
    assert not policy.allows("x", CALLERS["unscoped"])


def test_a_rule_that_would_ask_another_host_denies_and_asks_nobody(tmp_path: Path) -> None:
    """The process does not even load what it would ask with."""
    file = tmp_path / "policy.yaml"
    file.write_text('"x": "http://127.0.0.1:1/check"\n')
    program = (
        "import sys; from iaas.api.policy import Policy; from iaas.api.route import Rule;"
        "from iaas.context import Context;"
        f"policy = Policy([Rule('x', '@')], {str(file)!r});"
        "print(policy.allows('x', Context(request_id='', user_id='u', project_id='p')), 'requests' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.split() == ["False", "False"]


# Scopes ---------------------------------------------------------------------------------------------------------------

SCOPED = {
    "project": Context(request_id="", user_id="u", project_id="p", roles=("admin",)),
    "domain": Context(request_id="", user_id="u", domain_id="d", roles=("admin",)),
    "system": Context(request_id="", user_id="u", system_scope="all", roles=("admin",)),
}


@pytest.mark.parametrize("scope", SCOPED)
def test_a_token_of_another_scope_is_refused_whatever_its_roles_and_the_file_say(scope: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"x": "@"\n')
    policy = Policy([Rule("x", "@", scopes=("project",)), Rule("y", "@", scopes=("domain", "system"))], str(file))
    assert policy.allows("x", SCOPED[scope]) == (scope == "project")
    assert policy.allows("y", SCOPED[scope]) == (scope != "project")


def test_a_rule_that_names_no_scopes_has_those_of_its_service() -> None:
    assert Rule("identity:list_users", "@").scope_types == ("system", "domain", "project")
    assert {Rule(name, "@").scope_types for name in ("os_compute_api:servers:index", "get_image")} == {("project",)}


# Files ----------------------------------------------------------------------------------------------------------------


def test_json_counts_before_yaml_and_the_directory_last(tmp_path: Path) -> None:
    """A-100: the seed's policy.json is read where policy.yaml is looked for; all of it again as soon as it changes."""
    rules = [Rule(name, "!") for name in "abc"]
    policy = Policy(rules, str(tmp_path / "policy.yaml"))
    member = CALLERS["member"]
    assert not any(policy.allows(name, member) for name in "abc")
    (tmp_path / "policy.json").write_text('{"a": "role:member", "b": "role:member", "c": "role:member"}')
    assert all(policy.allows(name, member) for name in "abc")
    (tmp_path / "policy.yaml").write_text('"b": "role:admin"\n"c": "role:admin"\n')
    assert [policy.allows(name, member) for name in "abc"] == [True, False, False]
    (tmp_path / "policy.d").mkdir()
    (tmp_path / "policy.d/90-last.yaml").write_text('"c": "role:member"\n')
    (tmp_path / "policy.d/10-first.json").write_text('{"c": "!"}')
    (tmp_path / "policy.d/README").write_text("not a policy file")
    assert [policy.allows(name, member) for name in "abc"] == [True, False, True]
    (tmp_path / "policy.d/90-last.yaml").unlink()
    assert [policy.allows(name, member) for name in "abc"] == [True, False, False]


def test_an_older_name_of_a_rule_may_stand_in_a_file_and_the_newer_one_counts_more(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"old": "role:admin"\n')
    policy = Policy([Rule("new", "@", aliases=("old",))], str(file))
    assert not policy.allows("new", CALLERS["member"])
    assert policy.allows("new", CALLERS["admin"])
    file.write_text('"old": "role:admin"\n"new": "role:member"\n')
    assert policy.allows("new", CALLERS["member"])


def test_a_name_that_no_service_knows_is_warned_about_and_what_others_refer_to_or_own_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"mine": "role:member"\n"x": "rule:mine"\n"get_image": "@"\n"xx": "@"\n"y": "rule:gone"\n')
    policy = Policy([Rule("x", "!"), Rule("y", "@")], str(file))
    assert policy.allows("x", CALLERS["member"])
    assert not policy.allows("y", CALLERS["member"]), "what refers to nothing denies"
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 2
    assert "policy rule y refers to a rule that does not exist" in warned[0]
    assert f"policy rule xx of {file} is none" in warned[1]


def test_rules_that_refer_to_themselves_are_a_broken_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"x": "role:member and not rule:y"\n"y": "rule:z or @"\n"z": "rule:x"\n')
    policy = Policy([Rule("x", "!"), Rule("y", "@")], str(file))
    assert not policy.allows("x", CALLERS["member"])
    assert policy.allows("y", CALLERS["member"])
    assert "refer to themselves: x, y, z" in caplog.text


def test_a_file_of_any_size_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"x": "role:member"\n' + "# and so on\n" * 100_000)
    assert not Policy([Rule("x", "!")], str(file)).allows("x", CALLERS["member"])
    assert "larger than" in caplog.text


# Starting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", ["rule:gone", "not rule:gone", "@ or (role:x and rule:gone)", "rule:x"])
def test_a_default_that_refers_to_nothing_or_to_itself_fails_the_start(check: str) -> None:
    """S-063"""
    with pytest.raises(Internal):
        Policy([Rule("x", check)])


def test_a_route_whose_rule_the_policy_does_not_know_fails_the_start() -> None:
    """S-063"""
    with pytest.raises(Internal, match="small:who"):
        client(policy=Policy([Rule("another", "@")]))


def test_no_request_parses_what_a_rule_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's parser is not for threads that use it at once; and it takes its time."""
    policy = Policy([Rule("x", "project_id:%(project_id)s and 'here':%(place)s and None:%(nothing)s")])
    target = {"project_id": CALLERS["member"].project_id, "place": "here", "nothing": "None"}
    assert policy.allows("x", CALLERS["member"], target)
    monkeypatch.setattr(ast, "literal_eval", None)
    assert policy.allows("x", CALLERS["member"], target)
    assert not policy.allows("x", CALLERS["member"], {**target, "place": "there"})
    assert not policy.allows("x", CALLERS["member"], {**target, "project_id": "another"})
