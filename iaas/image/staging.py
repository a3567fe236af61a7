"""Data sent to be imported later: kept in the staging store, neither looked at nor to be read by anybody until then."""

from __future__ import annotations

from typing import IO

from iaas import failpoints
from iaas.db.image import uploads
from iaas.errors import Conflict, NotFound
from iaas.image.fanout import Fanout
from iaas.image.faults import Gone
from iaas.image.intake import LEASE_S, take_in, too_large
from iaas.image.services import ImageServices
from iaas.image.upload import abandon, tenure
from iaas.model.image import STAGING, Image


def stage(services: ImageServices, image: Image, stream: IO[bytes], length: int | None) -> Image:
    """queued -> uploading. Raises Conflict (not queued), TooLarge, QuotaExceeded, Broken, Gone; the image is queued
    again after each. An error of ``stream`` itself passes."""
    if length is not None and length > services.options.max_size:
        raise too_large(services.options.max_size)
    started = services.database.run(lambda tx: uploads.begin(tx, image.id, "stage", [STAGING], LEASE_S))
    try:
        failpoints.hit("image.stage.begun")
        return _receive(services, started, stream, length)
    except Exception:
        abandon(services, started)
        raise


def _receive(services: ImageServices, image: Image, stream: IO[bytes], length: int | None) -> Image:
    right, fanout = tenure(services, image), Fanout(services.stores, [STAGING], image.blob)
    try:
        size = take_in(stream, fanout, right, lambda _: None, length, services.options.max_size)
        right.hold()
        fanout.commit()
        failpoints.hit("image.stage.committed")
        return services.database.run(lambda tx: uploads.finish_staging(tx, image, size))
    except (NotFound, Conflict) as error:
        fanout.abandon()
        raise Gone(f"Image {image.id} is gone: it was deleted during the upload.") from error
    except Exception:
        fanout.abandon()
        raise
