"""The URL of a server's screen: who gets one, in which form by microversion, and what its token is worth."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from iaas.db.compute import console_sessions, servers
from iaas.model.order import Power
from tests.api.compute.world import World

VNC = {"remote_console": {"protocol": "vnc", "type": "novnc"}}


@pytest.fixture
def server(world: World) -> str:
    world.host()
    id = world.server()
    world.active(id)
    return id


def token(url: str) -> str:
    [path] = parse_qs(urlsplit(url).query)["path"]
    [found] = parse_qs(path.lstrip("?"))["token"]
    return found


def taken(world: World, text: str) -> str | None:
    return world.database.run(lambda tx: console_sessions.take(tx, text))


def test_a_url_holds_a_token_that_shows_this_server_once(world: World, server: str) -> None:
    shown = world.ok("alice", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.6")["remote_console"]
    assert (shown["protocol"], shown["type"]) == ("vnc", "novnc")
    assert shown["url"].startswith("http://127.0.0.1:6080/vnc_lite.html?")
    again = world.ok("alice", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.6")["remote_console"]
    assert token(again["url"]) != token(shown["url"])
    assert taken(world, token(shown["url"])) == server
    assert taken(world, token(shown["url"])) is None
    assert taken(world, "nonsense") is None
    world.database.clock.advance(601)  # type: ignore[attr-defined]
    assert taken(world, token(again["url"])) is None


def test_the_token_itself_is_nowhere_in_the_database(world: World, server: str) -> None:
    url = world.ok("alice", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.6")["remote_console"]["url"]
    with world.database.read() as tx:
        rows = tx.all(console_sessions.console_sessions.select())
    assert len(rows) == 1 and token(url) not in str(rows)


def test_until_2_5_it_is_an_action(world: World, server: str) -> None:
    path = f"/v2.1/servers/{server}/action"
    shown = world.ok("alice", "POST", path, {"os-getVNCConsole": {"type": "novnc"}})["console"]
    assert shown["type"] == "novnc" and taken(world, token(shown["url"])) == server
    world.refused(404, "alice", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.5")
    for body in ({"os-getVNCConsole": {"type": "novnc"}}, {"os-getSerialConsole": {"type": "serial"}}):
        assert world.call("alice", "POST", path, body, "2.6").status_code in (400, 404)


@pytest.mark.parametrize(
    "body",
    [{"os-getVNCConsole": {"type": "xvpvnc"}}, {"os-getSPICEConsole": {"type": "spice-html5"}},
     {"os-getSerialConsole": {"type": "serial"}}],
    ids=lambda body: next(iter(body)),
)  # fmt: skip
def test_what_guests_do_not_have_is_said_to_be_unavailable(world: World, server: str, body: Any) -> None:
    words = world.refused(400, "alice", "POST", f"/v2.1/servers/{server}/action", body)
    assert words.startswith("Unavailable console type")


@pytest.mark.parametrize(("protocol", "kind", "words"), [
    ("serial", "serial", "Unavailable"), ("spice", "spice-html5", "Unavailable"), ("vnc", "spice-html5", "Unavailable"),
    ("vnc", "telnet", "Invalid"), ("telnet", "novnc", "Invalid"),
])  # fmt: skip
def test_other_kinds_are_refused(world: World, server: str, protocol: str, kind: str, words: str) -> None:
    body = {"remote_console": {"protocol": protocol, "type": kind}}
    said = world.refused(400, "alice", "POST", f"/v2.1/servers/{server}/remote-consoles", body, "2.8")
    assert said.startswith(words)


def test_a_server_that_is_off_has_no_screen(world: World, server: str) -> None:
    world.database.run(lambda tx: servers.change(tx, server, {"power": Power.SHUTDOWN}))
    words = world.refused(409, "alice", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.6")
    assert words == f"Instance {server} is not ready"


def test_neither_strangers_nor_readers(world: World, server: str) -> None:
    world.refused(404, "bob", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.6")
    world.refused(403, "rita", "POST", f"/v2.1/servers/{server}/remote-consoles", VNC, "2.6")
