"""The log: an event is one line that cannot be forged, and no secret is in it. I-17, S-119, S-123."""

from __future__ import annotations

import json
import logging
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from iaas import context, log
from iaas.context import Context
from iaas.errors import Invalid
from iaas.log import JsonFormatter, TextFormatter, mask
from tests import cpu

REQUEST = "req-00000000-0000-4000-8000-000000000001"
# Passwords that people have: each must vanish from each shape that can carry it.
PASSWORDS = {
    "plain": "c4naryPa55",
    "spaces": "c4nary two  words",
    "single quote": "c4n'ary",
    "double quote": 'c4n"ary',
    "both quotes": "c4n'a\"ry",
    "percent": "c4nary%20%s%d%%",
    "unicode": "c4naryÄß密码🔑",
    "brackets": "c4nary}])>{",
    "separators": "c4nary,x;y&z=1:2",
    "backslash": "c4nary\\",
    "backslash and quote": 'c4nary\\"tail',
    "at sign": "c4nary@host:1/x",
}
SAFE_UNQUOTED = ("plain", "percent", "unicode", "single quote", "double quote", "backslash")


def rendered(message: str, *arguments: Any, style: str = "text", error: BaseException | None = None) -> str:
    trace: Any = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("iaas.x", logging.INFO, "x.py", 1, message, arguments, trace)
    with context.use(Context(request_id=REQUEST, user_id="u1", project_id="p1")):
        return (JsonFormatter() if style == "json" else TextFormatter()).format(record)


def pieces(password: str) -> list[str]:
    """What must not be seen: the password, and each long enough piece of it, however it is encoded."""
    parts = [part for part in password.replace("\\", " ").replace('"', " ").replace("'", " ").split() if len(part) > 3]
    return [password, *parts]


def shapes(password: str) -> dict[str, str]:
    """Quoted by somebody who knows how: every password must be found."""
    body = {"auth": {"identity": {"password": {"user": {"name": "bob", "password": password}}}}}
    return {
        "dict": str({"name": "bob", "password": password, "email": "b@x"}),
        "nested dict": str(body),
        "bytes dict": str({b"password": password.encode()}),
        "json": json.dumps(body),
        "json unicode": json.dumps(body, ensure_ascii=False),
        "compact json": json.dumps(body, separators=(",", ":")),
        "json in json": json.dumps({"body": json.dumps({"password": password, "id": 1}, ensure_ascii=False)}),
        "kwargs": f"create(name='bob', password={password!r}, enabled=True)",
        "adminPass": json.dumps({"server": {"adminPass": password}}),
        "admin_pass": f"admin_pass={password!r}",
        "original_password": json.dumps({"user": {"original_password": password}}),
        "private_key": str({"private_key": password}),
        "user_data": str({"user_data": password}),
        "list of pairs": str([("user", "bob"), ("password", password)]),
        "query": f"GET /x?user=bob&password={urllib.parse.quote(password, safe='')}&x=1",
        "form": urllib.parse.urlencode({"user": "bob", "password": password}),
        "percent-encoded json": urllib.parse.quote(json.dumps({"password": password}), safe=""),
        "url": f"postgresql://iaas:{urllib.parse.quote(password, safe='')}@db:5432/iaas",
        "secret": f"metadata_secret = {password!r}",
        "upper case": f"PASSWORD={password!r}",
        "camel": str({"userPassword": password}),
    }


@pytest.mark.parametrize("kind", PASSWORDS)
def test_a_password_is_masked_in_every_quoted_shape(kind: str) -> None:
    password = PASSWORDS[kind]
    for shape, text in shapes(password).items():
        for style in ("text", "json"):
            line = rendered("got %s", text, style=style)
            encoded = [urllib.parse.quote(piece, safe="") for piece in pieces(password)]
            for piece in (*pieces(password), *encoded):
                assert piece not in line, f"{shape} as {style}: {line}"
            assert "***" in line, shape


@pytest.mark.parametrize("kind", SAFE_UNQUOTED)
def test_a_password_without_quotes_is_masked(kind: str) -> None:
    password = PASSWORDS[kind]
    for text in (f"password={password}, x=1", f"password: {password}", f"passwd = {password} user=bob"):
        assert password not in rendered("%s", text), text


def test_a_password_without_quotes_is_masked_to_the_next_key_even_with_spaces() -> None:
    assert rendered("login password=two long words user=bob").endswith("login password=*** user=bob")


@pytest.mark.parametrize(
    "text",
    [
        "X-Auth-Token: gAAAAABc4nary",
        "{'X-Auth-Token': 'c4nary', 'Accept': '*/*'}",
        "[('x-auth-token', 'c4nary')]",
        "[(b'x-subject-token', b'c4nary')]",
        "Authorization: Bearer c4nary",
        "Authorization: Basic c4nary==",
        '"authorization": "Digest c4nary, x"',
        "Cookie: a=1; session=c4nary; b=c4nary",
        "Set-Cookie: session=c4nary; HttpOnly",
        "ImageSource(id='x', token='c4nary', format='raw')",
        "token=c4nary&x=1",
        "amqp://iaas:c4nary@h1:5672//,amqp://iaas:c4nary@h2:5672//",
        "amqp://iaas:c4n@ary@h1:5672//",
        "fetching with gAAAAABmc4nary-_c4naryc4naryc4nary==",
        "hash $2b$12$c4naryc4naryc4naryc4naryc4naryc4naryc4naryc4nary",
        "-----BEGIN RSA PRIVATE KEY-----\nc4nary\nc4nary\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nc4nary",
        "X-Iaas-Signature: c4nary",
        "aws access_key='c4nary' secret_key='c4nary'",
        "password='c4nary that was cut in the middle",
        'password="c4nary that was cut',
    ],
)
def test_other_secrets_are_masked(text: str) -> None:
    assert "c4nary" not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "server 5f1c… is ACTIVE on host1",
        "GET /v2.1/servers?limit=5&marker=abc 200",
        "bypass of the cache, passed 3 of 4",
        "http://127.0.0.1:8774/v2.1",
        "user bob of project red: {'name': 'x', 'size': 3}",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


def test_what_follows_a_masked_value_stays_readable() -> None:
    assert mask("{'password': 'x', 'name': 'bob'}") == "{'password': ***, 'name': 'bob'}"
    assert mask("postgresql://iaas:x@db/iaas") == "postgresql://iaas:***@db/iaas"


# Lines ---------------------------------------------------------------------------------------------------------------


EVIL = [
    "two\nlines", "carriage\rreturn", "\x1b[31mred\x1b[0m", "\x9b31m", "nul\x00", "bell\x07", "\x7f", "\x85next",
    "\u2028separator", "\u2029paragraph", "\u202egnol", "\ud800alone", "vertical\x0btab", "form\x0cfeed",
    "x\n2026-01-01 00:00:00.000 INFO iaas.audit req-forged all is well",
]  # fmt: skip


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("text", EVIL)
def test_an_event_is_one_line_that_can_be_written_whatever_a_name_holds(text: str, style: str) -> None:
    line = rendered("server %s", text, style=style)
    assert len(line.splitlines()) == 1
    assert line.encode().decode() == line
    assert not any(ord(letter) < 32 or ord(letter) in (0x7F, 0x9B, 0x85, 0x202E) for letter in line)


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_exception_cannot_forge_an_event(style: str) -> None:
    """Its lines begin like those of the event, with a bar: none can be taken for another one."""
    try:
        raise ValueError("bad\n2026-01-01 00:00:00.000 INFO iaas req-forged password='c4nary' is fine\x1b[2J")
    except ValueError as error:
        text = rendered("failed", error=error, style=style)
    assert "c4nary" not in text
    assert "\x1b" not in text
    if style == "json":
        assert len(text.splitlines()) == 1
        assert "ValueError" in json.loads(text)["trace"]
        return
    first, *trace = text.split("\n")
    assert trace
    assert all(f"INFO iaas.x {REQUEST} | " in line for line in trace)
    assert " | " not in first


@pytest.mark.parametrize("style", ["text", "json"])
def test_the_request_is_on_the_line(style: str) -> None:
    line = rendered("hello", style=style)
    assert REQUEST in line
    if style == "json":
        event = json.loads(line)
        assert (event["request_id"], event["user_id"], event["project_id"]) == (REQUEST, "u1", "p1")
        assert event["message"] == "hello"
        assert event["time"].endswith("Z")


def test_without_a_request_the_line_says_so() -> None:
    record = logging.LogRecord("iaas.x", logging.INFO, "x.py", 1, "hello", (), None)
    assert TextFormatter().format(record).endswith("INFO iaas.x - hello")
    assert json.loads(JsonFormatter().format(record))["request_id"] is None


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_long_name_is_cut(style: str) -> None:
    assert len(rendered("name %s", "n" * 10**6, style=style)) < 9000
    assert len(rendered("name %s", "\x00" * 10**6, style=style)) < 20000


def test_a_wrong_log_call_is_an_event_that_shows_no_argument() -> None:
    assert "c4nary" not in rendered("%d servers", "c4nary")
    assert "could not be formatted" in rendered("%d servers", "c4nary")


@pytest.mark.parametrize(
    "text",
    ["a" * 65536, "password" * 8192, "token " * 10000, 'password="' + "\\" * 65000, "a://" * 16000 + ":",
     "http://a:" + "b" * 60000, "-----BEGIN PRIVATE KEY-----" * 2400, "secret=" + " aaaa" * 13000,
     "token=" + "basic " * 10000, "cookie" * 10000, '"' * 65536],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_masking_takes_no_time_whatever_the_text(text: str) -> None:
    """S-112, of our own making: no text makes the expressions look twice."""
    with cpu.at_most(0.5):
        mask(text)


# The process ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def settled() -> Iterator[None]:
    """Gives the process its logging back."""
    root, ours, hooks = logging.getLogger(), logging.getLogger("iaas"), (sys.excepthook, threading.excepthook)
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], level, mine = before
    root.setLevel(level)
    ours.setLevel(mine)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def test_at_debug_libraries_write_no_more_than_warnings(settled: None, capsys: pytest.CaptureFixture[str]) -> None:
    """SQLAlchemy would write every parameter, urllib3 and httpcore every header (S-123)."""
    log.setup("DEBUG")
    logging.getLogger("iaas.compute").debug("ours")
    for library in ("sqlalchemy.engine.Engine", "httpcore.http11", "urllib3", "amqp", "kombu", "oslo_policy", "new"):
        logging.getLogger(library).info("INSERT INTO users VALUES ('c4nary')")
        logging.getLogger(library).warning("from %s", library)
    written = capsys.readouterr().err
    assert "c4nary" not in written
    assert "ours" in written
    assert written.count("from ") == 7


def test_at_error_warnings_are_not_written(settled: None, capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("ERROR", "json")
    logging.getLogger("iaas.compute").warning("ours")
    logging.getLogger("kombu").warning("theirs")
    assert capsys.readouterr().err == ""


def test_the_death_of_a_thread_is_an_event(settled: None, capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("INFO", "json")

    def work() -> None:
        raise RuntimeError("token='c4nary'")

    thread = threading.Thread(target=work, name="worker-1")
    thread.start()
    thread.join(5)
    [line] = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["level"], event["message"]) == ("CRITICAL", "unhandled RuntimeError in thread worker-1")
    assert "c4nary" not in line


def test_a_worded_failure_at_the_start_is_one_line_and_a_defect_is_all_of_it(
    settled: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the configuration, for whoever made it."""
    log.setup("INFO")
    for error in (Invalid("There is no 'nfs' in the stores."), RuntimeError("defect")):
        try:
            raise error
        except (Invalid, RuntimeError):
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith("CRITICAL iaas - can't start: There is no 'nfs' in the stores.")
    assert rest[0].endswith("CRITICAL iaas - unhandled RuntimeError in thread MainThread")
    assert rest[-1].endswith("RuntimeError: defect")
