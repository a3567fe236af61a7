"""Policy: default deny, no trap in absent values, and an operator's file that can't open more than it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iaas.api.policy import Policy
from iaas.api.route import MEMBER, READER, Rule
from iaas.context import Context
from iaas.errors import Forbidden
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
