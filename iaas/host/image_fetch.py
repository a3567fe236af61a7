"""Downloads an image from the image service and proves that its bytes are the recorded ones.

By http.client and not httpx: measured in this daemon, httpx costs 10 MB of resident memory, http.client
0.4 MB, and one streamed GET is all that is wanted.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import http.client
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from iaas import errors
from iaas.model.order import ImageSource

_LOG = logging.getLogger(__name__)
_CHUNK = 1 << 20
_LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
_SILENCE = 30.0  # seconds without a byte

Fetch = Callable[[ImageSource, Path, Callable[[], None]], None]


def fetch(image: ImageSource, target: Path, progress: Callable[[], None]) -> None:
    """Writes exactly ``image.size`` bytes with the recorded hash to the new file ``target``.

    ``progress`` is called between chunks and may raise. Raises NotFound (no such image, or it went),
    Forbidden (the token does not open it), Unavailable (try again), Invalid (not the recorded bytes:
    S-027).
    """
    if image.hash_algo not in ("sha256", "sha512"):
        raise errors.Invalid("The image has no hash that could be checked.")
    connection = connect(image.url)
    try:
        path = urlsplit(image.url)
        connection.request("GET", path.path, headers={"X-Auth-Token": image.token})
        response = connection.getresponse()
        _judge(response.status, image.id)
        with target.open("xb") as file:
            digest = _copy(response, file, image, progress)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and (error.errno in _LOCAL or error.filename is not None):
            raise  # of our own disk, not of the network
        _LOG.warning("image %s: %s", image.id, error)
        raise errors.Unavailable("The image service did not deliver the image.", resource="image") from error
    finally:
        connection.close()
    if not hmac.compare_digest(digest, image.hash_value.lower()):
        raise errors.Invalid("The image's data does not match its recorded hash.")


def connect(url: str) -> http.client.HTTPConnection:
    """To the image service; not yet open. A silent one is given up after half a minute."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=_SILENCE, context=context)
    if parts.scheme == "http" and parts.hostname:
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SILENCE)
    raise errors.Internal("The image's address is not an HTTP one.")


def _judge(status: int, image_id: str) -> None:
    """Only 200 goes on. Redirects are not followed: the token would travel along (S-021)."""
    if status == 200:
        return
    if status in (404, 410, 204):
        raise errors.NotFound.of("image", image_id)
    if status in (401, 403):
        raise errors.Forbidden(f"The host may not read image {image_id}.")
    _LOG.warning("image %s: HTTP status %d", image_id, status)
    raise errors.Unavailable("The image service did not deliver the image.", resource="image")


def _copy(response: http.client.HTTPResponse, file: BinaryIO, image: ImageSource, progress: Callable[[], None]) -> str:
    """The hex digest of what was written; never writes more than the recorded size."""
    digest = hashlib.new(image.hash_algo)
    left = image.size
    while chunk := response.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise errors.Invalid("The image is larger than recorded.")
        digest.update(chunk)
        file.write(chunk)
        progress()
    if left:
        raise errors.Unavailable("The image service did not deliver the image.", resource="image")
    return digest.hexdigest()
