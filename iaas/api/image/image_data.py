"""Data of images: upload and download as streams, never in memory as a whole."""

from __future__ import annotations

import re

from iaas.api.file_body import body_of
from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.image.dialect import BadRange
from iaas.api.image.media import OCTETS, media_type
from iaas.api.route import Reply, Route
from iaas.errors import Forbidden, Invalid
from iaas.image.download import open_data
from iaas.image.upload import upload
from iaas.model.image import Image, State

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def upload_data(call: ImageCall) -> None:
    media_type(call, OCTETS)
    image = access.find(call, access.UPLOAD_IMAGE)
    assert call.stream is not None
    upload(call.services, image, call.stream, announced(call), chosen_store(call))


def chosen_store(call: ImageCall) -> str | None:
    """What the header says; None for the default. Raises Invalid for a store that there is not."""
    store = call.headers.get("X-Image-Meta-Store")
    if store and store not in call.services.stores.writable:
        raise Invalid(f"Store for image {store[:64]!r} not found or not to be written.", field="X-Image-Meta-Store")
    return store or None


def announced(call: ImageCall) -> int | None:
    """The number of bytes to come: Content-Length, or what a client that sends chunks says beside them."""
    if call.content_length is not None:
        return call.content_length
    text = call.headers.get("X-OpenStack-Image-Size")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid("X-OpenStack-Image-Size is not a number of bytes.", field="X-OpenStack-Image-Size")
    return int(text)


def download_data(call: ImageCall) -> Reply:
    image = access.find(call, access.DOWNLOAD_IMAGE)
    if image.state is State.DEACTIVATED and not call.context.is_admin:
        raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
    if image.state in (State.QUEUED, State.UPLOADING) or image.size is None:
        return Reply(status=204)
    if image.hash_value and _names(call.headers.get("If-None-Match"), _tag(image)):
        return Reply(status=304, headers={"ETag": _tag(image)})
    whole = image.hash_value and not _names(call.headers.get("If-Range") or _tag(image), _tag(image))
    span = None if whole else _span(call.headers.get("Range"), image.size)
    offset, length = span or (0, image.size)
    body = body_of(open_data(call.services, image), offset, length)
    return Reply(body, status=206 if span else 200, headers=_headers(image, span, length))


def _tag(image: Image) -> str:
    """Data never change once they are there, but an id's copies may be compared: so by what they are."""
    return f'"{image.hash_value}"'


def _names(text: str | None, tag: str) -> bool:
    """Whether a header's list of entity tags has this one."""
    return text is not None and any(part.strip().removeprefix("W/") in (tag, "*") for part in text.split(","))


def _headers(image: Image, span: tuple[int, int] | None, length: int) -> dict[str, str]:
    headers = {"Content-Length": str(length), "Accept-Ranges": "bytes"}
    if image.hash_value:
        headers["ETag"] = _tag(image)
    if span:
        headers["Content-Range"] = f"bytes {span[0]}-{span[0] + length - 1}/{image.size}"
    elif image.checksum:
        headers["Content-MD5"] = image.checksum
    return headers


def _span(text: str | None, size: int) -> tuple[int, int] | None:
    """(offset, length) of one range of bytes; None for none, or for what we may ignore. Raises BadRange."""
    match = _RANGE.fullmatch(text.replace(" ", "")) if text else None
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last n bytes
        length = min(int(last), size)
        start, end = size - length, size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if start > end:
        whole = {"Content-Range": f"bytes */{size}"}
        raise BadRange(f"The range is not inside the {size} bytes of the image.", headers=whole)
    return start, end - start + 1


ROUTES = (
    Route(
        "PUT",
        "/v2/images/<image_id>/file",
        upload_data,
        policy=access.UPLOAD_IMAGE,
        status=204,
        raw=True,
        target=("image_id",),
    ),
    Route("GET", "/v2/images/<image_id>/file", download_data, policy=access.DOWNLOAD_IMAGE),
)
