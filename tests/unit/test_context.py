"""Who asks: visible in its own thread for the length of a block, and nowhere else."""

from __future__ import annotations

import threading
from dataclasses import FrozenInstanceError, fields

import pytest

from iaas import context
from iaas.context import Context, current, system, use
from iaas.ids import is_request_id


def test_the_context_is_current_inside_the_block_only_also_after_an_error() -> None:
    outer, inner = Context(request_id="outer"), Context(request_id="inner")
    assert current() is None
    with use(outer):
        with pytest.raises(ValueError, match="x"), use(inner) as given:
            assert current() is inner is given
            raise ValueError("x")
        assert current() is outer
    assert current() is None


def test_another_thread_does_not_see_it() -> None:
    seen: list[Context | None] = []
    with use(Context(request_id="mine")):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join(5)
    assert seen == [None]


def test_the_platform_itself_is_an_administrator_without_a_project() -> None:
    platform = system()
    assert platform.is_admin
    assert platform.roles == ("admin",)
    assert (platform.owner, platform.user_id) == ("", None)
    assert is_request_id(platform.request_id)
    assert system("req-1").request_id == "req-1"
    assert system().request_id != platform.request_id


def test_nobody_is_an_administrator_by_default() -> None:
    caller = Context(request_id="r", project_id="p")
    assert not caller.is_admin
    assert caller.roles == ()
    assert caller.owner == "p"


def test_a_context_holds_no_secret_and_cannot_be_changed() -> None:
    names = {item.name for item in fields(Context)}
    assert not [name for name in names if "token" in name or "password" in name or "secret" in name]
    with pytest.raises(FrozenInstanceError):
        Context(request_id="r").is_admin = True  # type: ignore[misc]
    assert context.current() is None
