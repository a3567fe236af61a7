"""The file of property protections: what it says, and that one which can't be understood is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from iaas.errors import Invalid
from iaas.image.protections import OPERATIONS, Protections, load, parse

TEXT = """
[^x_billing_.*]
create = admin
read = admin, member
update = admin
delete = !

[^x_silent_]
read = @

[.*]
create = @
read = @
update = @
delete = @
"""


def allowed(name: str, *roles: str, text: str = TEXT) -> list[str]:
    found = parse(text, "roles")
    return [operation for operation in OPERATIONS if found.allow(operation, name, lambda word: word in roles)]


def test_the_first_section_that_matches_decides() -> None:
    assert allowed("x_billing_code", "admin") == ["create", "read", "update"]
    assert allowed("x_billing_code", "member") == ["read"]
    assert allowed("x_billing_code") == []
    assert allowed("colour") == list(OPERATIONS)


def test_an_operation_that_is_not_mentioned_is_nobody_s() -> None:
    assert allowed("x_silent_one", "admin") == ["read"]


def test_what_no_section_matches_is_nobody_s() -> None:
    assert allowed("colour", "admin", text="[^x_]\ncreate = @") == []


def test_without_a_file_everything_is_allowed() -> None:
    assert load("", "roles") == Protections()
    assert Protections().allow("delete", "anything", lambda word: False)


def test_rules_of_the_policy_files_may_be_named_instead() -> None:
    found = parse("[^x_]\ncreate = billing_admin\nread = @\nupdate = modify_image\ndelete = !", "policies")
    assert found.rules() == {"billing_admin", "modify_image"}
    assert found.allow("create", "x_1", lambda rule: rule == "billing_admin")
    assert not found.allow("delete", "x_1", lambda rule: True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "roles"),
        ("create = @", "roles"),
        ("[^x_(]\ncreate = @", "roles"),
        ("[x]\ncreate = @,!", "roles"),
        ("[x]\nwrite = @", "roles"),
        ("[x]\ncreate = @\n[x]\ncreate = !", "roles"),
        ("[x]\ncreate = one, two", "policies"),
        (TEXT, "people"),
    ],
)
def test_a_file_that_can_not_be_understood_is_refused(text: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "protections.conf"
    file.write_text(text)
    with pytest.raises(Invalid):
        load(str(file), kind)
    with pytest.raises(Invalid):
        load(str(tmp_path / "nothing"), kind)
