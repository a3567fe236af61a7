"""Data of an image on their way into stores: from a client that uploads, or from an import.

Intent before side effect (C-14): the row says what is under way, and where, before the first byte is written, and is
active only in the one transaction that also writes size and hashes. Whatever happens in between, the image is queued
again and the stores hold nothing; what a killed process leaves, the sweep finds by its lease (F-10, S-022, S-023).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import IO

from iaas import failpoints
from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.image import uploads
from iaas.db.image.uploads import Facts
from iaas.errors import Conflict, Error, Invalid, NotFound
from iaas.image.fanout import Fanout
from iaas.image.faults import Gone
from iaas.image.intake import LEASE_S, Analysis, Tenure, take_in, too_large
from iaas.image.services import ImageServices
from iaas.inspection.inspector import Limits
from iaas.model.image import Image, State

log = logging.getLogger(__name__)
_SIGNED = {"img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid"}


def upload(
    services: ImageServices, image: Image, stream: IO[bytes], length: int | None, store: str | None = None
) -> Image:
    """queued -> active. ``length``: how many bytes the client announced, None when it did not; ``store``: where they
    go, None for the default.

    Raises Conflict (not queued, or somebody else uploads), Invalid (no formats yet, no such store), TooLarge,
    QuotaExceeded, Unsafe, Broken, Gone; the image is queued again after each. An error of ``stream`` itself passes.
    """
    require_ready(image)
    target = store or services.stores.default
    if target not in services.stores.writable:
        raise Invalid(f"There is no store {target[:64]!r} that takes data.", field="store")
    if length is not None and length > services.options.max_size:
        raise too_large(services.options.max_size)
    started = services.database.run(lambda tx: uploads.begin(tx, image.id, "upload", [target], LEASE_S))
    try:
        failpoints.hit("image.upload.begun")
        return receive(services, started, stream, length, [target], tenure(services, started))
    except Exception:
        abandon(services, started)
        raise


def require_ready(image: Image) -> None:
    """Whether the image says what its data are to be, and asks for nothing that can't be done. Raises Invalid."""
    if not image.disk_format or not image.container_format:
        raise Invalid("Properties disk_format, container_format must be set prior to saving data.")
    if image.properties.keys() >= _SIGNED:  # to take the data unverified would be worse than to refuse them
        raise Invalid(
            "Signature verification failed: there is no key manager to have the certificate from. "
            "Remove the property img_signature to save the data without it.",
            field="img_signature",
        )


def tenure(services: ImageServices, image: Image) -> Tenure:
    """Of a task whose lease is in the image's own row."""
    quota = services.options.project_quota
    return Tenure(
        services, image, lambda more: services.database.run(lambda tx: uploads.beat(tx, image, LEASE_S, more, quota))
    )


def abandon(services: ImageServices, image: Image) -> None:
    """Queued again; trouble is logged and left to the sweep."""
    try:
        services.database.run(lambda tx: uploads.abandon(tx, image))
    except (NotFound, Conflict):
        log.info("the way in of image %s ended: it was deleted or taken over", image.id)
    except Error as error:  # the lease ends by itself, and the sweep queues the image again
        log.warning("image %s could not be queued again: %s", image.id, error.message)


def receive(
    services: ImageServices,
    image: Image,
    stream: IO[bytes],
    length: int | None,
    stores: Collection[str],
    right: Tenure,
    *,
    all_must: bool = True,
    also: Callable[[Tx], object] = lambda _: None,
) -> Image:
    """The data into the stores, the image active. ``image`` is as ``uploads.begin`` gave it. After an error nothing of
    the data is left, the row is as it was, and it is the caller's to abandon. ``also``: what the same transaction is
    to change. Raises as ``upload``."""
    analysis = Analysis(image, Limits(services.options.max_virtual_size))
    fanout = Fanout(services.stores, stores, image.blob, all_must)
    try:
        size = take_in(stream, fanout, right, analysis.feed, length, services.options.max_size)
        facts = analysis.facts(size)
        failpoints.hit("image.upload.streamed")
        right.hold()
        fanout.commit()
        failpoints.hit("image.upload.committed")
        return _finish(services, image, facts, fanout, also)
    except NotFound as error:  # the store's: the blob was deleted while it was written
        fanout.abandon()
        raise Gone(f"Image {image.id} is gone: it was deleted during the upload.") from error
    except Exception:
        fanout.abandon()
        raise


def _finish(services: ImageServices, image: Image, facts: Facts, fanout: Fanout, also: Callable[[Tx], object]) -> Image:
    def finish(tx: Tx) -> Image:
        also(tx)
        return uploads.finish(tx, image, facts, fanout.stored, len(fanout.stored))

    try:
        done = services.database.run(finish)
    except (NotFound, Conflict):
        with services.database.read() as tx:
            found = rows.find(tx, image.id)
        if found is None or found.state is not State.ACTIVE or found.generation != image.generation:
            raise Gone(f"Image {image.id} is gone: it was deleted during the upload.") from None
        return found  # the first try was committed, only its answer was lost (C-17)
    log.info("image %s is active: %d bytes, %s", done.id, facts.size, done.disk_format)
    return done
