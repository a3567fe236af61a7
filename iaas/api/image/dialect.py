"""How the image API words faults: ``{"message", "code", "title"}`` for clients that ask for JSON, as openstacksdk does,
and a small page for those that take anything: glanceclient reads pages, and stumbles over this JSON.
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Any

from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.errors import Error

# This API says 413 where others say 403, and knows three kinds that no other has.
_STATUS = STATUS | {"quota_exceeded": 413, "gone": 410, "unsupported_media_type": 415, "bad_range": 416}


class UnsupportedMediaType(Error):
    """The Content-Type is not one that the route takes."""

    kind = "unsupported_media_type"


class BadRange(Error):
    """The asked range is not inside the data."""

    kind = "bad_range"


class ImageDialect:
    name = "image"
    microversions: Microversions | None = None

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        status = _STATUS.get(error.kind, 500)
        title = HTTPStatus(status).phrase
        return status, {"message": error.message, "code": f"{status} {title}", "title": title}

    def page(self, status: int, body: dict[str, Any]) -> str:
        """A tag a line: glanceclient drops the tags and joins the lines that differ."""
        code, message = body["code"], escape(body["message"], quote=False)
        head = f"<html>\n<head>\n<title>{code}</title>\n</head>\n"
        return f"{head}<body>\n<h1>{code}</h1>\n{message}<br /><br />\n</body>\n</html>"


DIALECT = ImageDialect()
