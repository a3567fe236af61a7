"""Uploads a file into a queued image, and proves that the image service has the bytes that were read.

By http.client, as image_fetch is. May be repeated: an image that already holds these bytes is left as it is.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from iaas import errors
from iaas.host.image_fetch import connect
from iaas.model.order import Upload

_LOG = logging.getLogger(__name__)
_CHUNK = 1 << 20
_ANSWER = 1 << 20  # bytes of an answer that are read

Send = Callable[[Upload, Path, Callable[[], None]], None]


def send(upload: Upload, source: Path, progress: Callable[[], None]) -> None:
    """``progress`` is called between chunks and may raise.

    Raises NotFound (the image went), Conflict (somebody else uploads, or it holds other bytes), Forbidden, Unavailable
    (try again); QuotaExceeded and Invalid with the image service's words.
    """
    digest = hashlib.sha512()
    try:
        status, words = _put(upload, source, progress, digest)
        if status == 409:
            digest = hashlib.sha512()
            for chunk in _chunks(source, progress):
                digest.update(chunk)
        elif status not in (200, 201, 204):
            raise _refusal(status, words)
        _prove(upload, digest.hexdigest())
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of our own disk, not of the network
        _LOG.warning("upload of image %s: %s", upload.image_id, error)
        raise errors.Unavailable("The image service did not take the image.", resource="image") from error


def _put(upload: Upload, source: Path, progress: Callable[[], None], digest: Any) -> tuple[int, str]:
    def body() -> Iterator[bytes]:
        for chunk in _chunks(source, progress):
            digest.update(chunk)
            yield chunk

    headers = {
        "X-Auth-Token": upload.token,
        "Content-Type": "application/octet-stream",
        "Content-Length": str(source.stat().st_size),
    }
    connection = connect(upload.url)
    try:
        try:
            connection.request("PUT", urlsplit(upload.url).path, body=body(), headers=headers)
        except (BrokenPipeError, ConnectionResetError):  # refused before it was read to its end: the answer says why
            if connection.sock is None:
                raise
        response = connection.getresponse()
        return response.status, _words(response.read(_ANSWER))
    finally:
        connection.close()


def _prove(upload: Upload, digest: str) -> None:
    """S-027, the other way round."""
    connection = connect(upload.url)
    try:
        connection.request("GET", urlsplit(upload.url).path.removesuffix("/file"),
                           headers={"X-Auth-Token": upload.token})  # fmt: skip
        response = connection.getresponse()
        data = response.read(_ANSWER)
    finally:
        connection.close()
    if response.status != 200:
        raise _refusal(response.status, _words(data))
    found = json.loads(data)
    if found.get("status") != "active" or found.get("os_hash_value") != digest:
        raise errors.Conflict("The image is being uploaded, or holds other data.", resource="image", id=upload.image_id)


def _chunks(source: Path, progress: Callable[[], None]) -> Iterator[bytes]:
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            progress()
            yield chunk


def _refusal(status: int, words: str) -> errors.Error:
    if status in (404, 410):
        return errors.NotFound("The image was deleted during the upload.", resource="image")
    if status in (401, 403):
        return errors.Forbidden("The host may not upload the image.")
    if status == 413:
        return errors.QuotaExceeded(words or "The image is too large.")
    if 400 <= status < 500:
        return errors.Invalid(words or "The image service refused the image.")
    return errors.Unavailable("The image service did not take the image.", resource="image")


def _words(data: bytes) -> str:
    """What the image service says of its refusal."""
    try:
        return str(json.loads(data)["message"])[:255]
    except (ValueError, KeyError, TypeError):
        return ""
