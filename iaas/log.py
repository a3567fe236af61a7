"""Logging: one line an event, with the request id on every line, as text for people or as JSON for machines.

Secrets never reach a handler: values under telling keys (password, token, secret, key …) are masked in the
rendered text, control characters are escaped and a line is cut at 8 KiB (RELIABILITY S-119, S-123).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback

from iaas import context

_LIMIT = 8192
_SECRET = re.compile(
    r"""(?ix) (["']? [\w-]* (?:password|passwd|admin_?pass|secret|token|fernet|cookie|authorization) [\w-]* ["']?
        \s* [:=] \s*) ( "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s,;}&]+ )"""
)
_URL_PASSWORD = re.compile(r"(\w+://[^:/@\s]*):[^@\s]+@")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x9b\n]")


def mask(text: str) -> str:
    """The text with what looks like a secret's value replaced by ``***``."""
    return _URL_PASSWORD.sub(r"\1:***@", _SECRET.sub(r"\1***", text))


def _clean(text: str) -> str:
    text = mask(text)
    if len(text) > _LIMIT:
        text = text[:_LIMIT] + " …cut"
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def _trace(record: logging.LogRecord) -> str | None:
    if not record.exc_info or record.exc_info[0] is None:
        return None
    return mask("".join(traceback.format_exception(*record.exc_info)))[-_LIMIT:]


class TextFormatter(logging.Formatter):
    """``2026-01-31 12:00:00.123 INFO iaas.compute req-… message``"""

    def format(self, record: logging.LogRecord) -> str:
        caller = context.current()
        request = caller.request_id if caller else "-"
        stamp = self.formatTime(record, "%Y-%m-%d %H:%M:%S")
        line = (
            f"{stamp}.{int(record.msecs):03d} {record.levelname} {record.name} {request} {_clean(record.getMessage())}"
        )
        trace = _trace(record)
        return f"{line}\n{trace.rstrip()}" if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, request_id, user_id, project_id, message, trace."""

    def format(self, record: logging.LogRecord) -> str:
        caller = context.current()
        event: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "logger": record.name,
            "request_id": caller.request_id if caller else None,
            "user_id": caller.user_id if caller else None,
            "project_id": caller.project_id if caller else None,
            "message": _clean(record.getMessage()),
        }
        trace = _trace(record)
        if trace:
            event["trace"] = trace
        return json.dumps(event, ensure_ascii=False)


def setup(level: str = "INFO", style: str = "text") -> None:
    """Configures the root logger of a daemon: one handler on standard error (the supervisor keeps the file)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("amqp", "kombu", "httpx", "httpcore", "alembic", "oslo_policy", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
