"""Logging: one line an event, with the request id on every line, as text for people or as JSON for machines.

Secrets never reach a handler: what stands under telling keys (password, token, secret …) or looks like a token or a
private key is masked in the rendered text, control characters are escaped and a line is cut at 8 KiB (RELIABILITY
I-17, S-119, S-123). This is the second line of defence: the first is that no secret is handed to the log.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any

from iaas import context
from iaas.errors import Error

_LIMIT = 8192
_READ = 8 * _LIMIT  # of a longer text only so much is looked at
_MASK = "***"

# Repeated characters are possessive, so that masking is linear in the text; groups are not: CPython 3.11 forgets to
# step back from the last try of a possessive group.
_WORDS = r"pass(?:word|wd|phrase|code)|(?:admin|root|user)_?pass|(?<![a-z])pass(?![a-z])|secret|private_?key|user_?data"
_NAMES = r"token|credential|fernet|authorization|signature|api_?key|access_?key"
# What ends a key and begins a value: `": `, `' = `, `\": `, `', '` in a list of pairs, and both percent-encoded.
_BETWEEN = r"""[\w.-]{0,40}+
    (?: \\*["']? \s*+ [:=]>? \s*+ | \\*["'] \s*+ , \s*+ (?=[bru]?\\*["']) | (?:%22)? \s*+ %3[ad] )"""
_QUOTED = r"""[bru]? (?: "(?:[^"\\]|\\.)*(?:"|\\?\Z) | '(?:[^'\\]|\\.)*(?:'|\\?\Z)
    | \\"(?:\\\\\\.|[^\\"]|\\[^"])*(?:\\"|\\?\Z) | \\'(?:\\\\\\.|[^\\']|\\[^'])*(?:\\'|\\?\Z) )"""
# Without quotes a password ends at a separator or at the next key; all else at a space. Brackets are looked into.
_PHRASE = r"(?![{\[(]) [^\s,;&}\])] (?: (?!\s+[\w-]++[:=]) [^,;&}\]\r\n] )*"
_WORD = r"(?![{\[(]) (?:(?:basic|bearer|digest|negotiate)\s++)? [^\s,;&}\]]++"
_SECRETS = (
    re.compile(rf"(?isx) ( (?:{_WORDS}) {_BETWEEN} ) (?: {_QUOTED} | {_PHRASE} )"),
    re.compile(rf"(?isx) ( (?:{_NAMES}) {_BETWEEN} ) (?: {_QUOTED} | {_WORD} )"),
    re.compile(r"(?i) ( cookie [\"']? \s*+ [:=] ) [^\r\n]++", re.VERBOSE),
    re.compile(r"(\b[a-z][a-z0-9+.-]*+://[^:/@\s\"']*+:) (?:(?!://)[^\s\"'])+ (?=@)", re.IGNORECASE | re.VERBOSE),
    re.compile(r"(-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----) .*? (?:-----END\ [A-Z ]*KEY-----|\Z)", re.DOTALL | re.VERBOSE),
    re.compile(r"(\bgAAAAA) [\w=%-]{20,}", re.VERBOSE),  # a Fernet token, whatever it is called
    re.compile(r"(\$2[aby]\$\d\d\$) [./A-Za-z0-9]{20,}", re.VERBOSE),  # a password's hash
)
# A line with none of these (in lower case) has nothing to mask: nearly all of them.
_HINTS = (
    "pass", "secret", "key", "data", "token", "credential", "fernet", "authorization", "signature", "cookie", "://",
    "gaaaaa", "$2",
)  # fmt: skip
# Control characters of both sets, line and paragraph separators, what turns the direction of writing, lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def mask(text: str) -> str:
    """The text with what looks like a secret's value replaced by ``***``."""
    low = text.lower()
    if not any(hint in low for hint in _HINTS):
        return text
    for secret in _SECRETS:
        text = secret.sub(rf"\1{_MASK}", text)
    return text


def _escape(text: str) -> str:
    def escaped(match: re.Match[str]) -> str:
        number = ord(match.group())
        return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"

    return _CONTROL.sub(escaped, text)


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a wrong log call must neither be lost nor print its arguments
        text = f"{record.msg!r} could not be formatted: {type(error).__name__}"
    text = _escape(mask(text[:_READ]))
    return text if len(text) <= _LIMIT else text[:_LIMIT] + " …cut"


def _trace(record: logging.LogRecord) -> list[str]:
    """The lines of the exception, the last 8 KiB of them."""
    if not record.exc_info or record.exc_info[0] is None:
        return []
    text = mask("".join(traceback.format_exception(*record.exc_info))[-_READ:])[-_LIMIT:]
    return [_escape(line) for line in text.rstrip().split("\n")]


def _stamp(record: logging.LogRecord, form: str) -> str:
    return f"{time.strftime(form, time.gmtime(record.created))}.{int(record.msecs):03d}"


class TextFormatter(logging.Formatter):
    """``2026-01-31 12:00:00.123 INFO iaas.compute req-… message``, in UTC. Every line of a traceback begins so, too,
    with a bar before its text: nothing that an exception says can pass for an event."""

    def format(self, record: logging.LogRecord) -> str:
        caller = context.current()
        request = caller.request_id if caller else "-"
        head = f"{_stamp(record, '%Y-%m-%d %H:%M:%S')} {record.levelname} {record.name} {request}"
        return "\n".join([f"{head} {_message(record)}", *(f"{head} | {line}" for line in _trace(record))])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, request_id, user_id, project_id, message, trace."""

    def format(self, record: logging.LogRecord) -> str:
        caller = context.current()
        event: dict[str, object] = {
            "time": _stamp(record, "%Y-%m-%dT%H:%M:%S") + "Z",
            "level": record.levelname,
            "logger": record.name,
            "request_id": caller.request_id if caller else None,
            "user_id": caller.user_id if caller else None,
            "project_id": caller.project_id if caller else None,
            "message": _message(record),
        }
        trace = _trace(record)
        if trace:
            event["trace"] = "\n".join(trace)
        return json.dumps(event, ensure_ascii=False)


def setup(level: str = "INFO", style: str = "text") -> None:
    """Configures a daemon: one handler on standard error (the supervisor keeps the file). The level is ours; libraries
    write warnings only, because at DEBUG some write what they carry (SQL with its parameters, frames, headers)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger("iaas").setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _unhandled
    threading.excepthook = lambda thread: _unhandled(thread.exc_type, thread.exc_value, thread.exc_traceback)


def _unhandled(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """The end of a thread or of the process by a defect, through the same masks as everything else. A worded failure
    that ends the main thread is a mistake in the configuration: its words are enough."""
    if issubclass(kind, KeyboardInterrupt):
        return
    if isinstance(error, Error) and threading.current_thread() is threading.main_thread():
        logging.getLogger("iaas").critical("can't start: %s", error.message)
        return
    known: Any = (kind, error, trace)
    logging.getLogger("iaas").critical("unhandled %s in thread %s", kind.__name__, threading.current_thread().name,
                                       exc_info=known)  # fmt: skip
