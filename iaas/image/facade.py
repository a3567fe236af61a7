"""What other services may ask of images, in their own process: SQL only, no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.image import uploads
from iaas.errors import Conflict, Internal, Invalid, NotFound
from iaas.image.properties import checked
from iaas.model.image import Image, State, Viewer, Visibility
from iaas.model.order import ImageSource, Upload


class ImageFacade:
    """Thread-safe. ``most``: images that one project may have, when nothing else is set for it; -1: no limit."""

    def __init__(self, most: int = -1) -> None:
        self._most = most

    def get_for_boot(self, tx: Tx, context: Context, image_id: str) -> Image:
        """The image, if the caller may boot from it now.

        Raises NotFound when it does not exist or is not the caller's to see, Invalid when it is not active (the
        compute API's 400). Whether flavor and quota fit is the caller's to judge, by min_disk, min_ram and
        virtual_size.
        """
        viewer = Viewer(project_id=context.project_id, everything=context.is_admin)
        image = rows.get(tx, image_id, viewer)
        if image.state is not State.ACTIVE or image.task is not None:
            raise Invalid(f"Image {image.id} is not active.", resource="image", id=image.id, status=image.status)
        return image

    def get(self, tx: Tx, context: Context, image_id: str) -> Image:
        """The image in whatever state, if the caller may see it. Raises NotFound."""
        return rows.get(tx, image_id, Viewer(project_id=context.project_id, everything=context.is_admin))

    def queue(self, tx: Tx, context: Context, image: Mapping[str, Any], properties: Mapping[str, str]) -> Image:
        """A private queued image of the caller's project, to be filled by a host. ``image``: columns (id, name, format,
        min_disk, min_ram). Raises Invalid or TooLarge for a property that can't be, Conflict for an id that was used,
        QuotaExceeded.
        """
        fresh = Image(
            **image, project_id=context.owner, visibility=Visibility.PRIVATE, container_format="bare",
            created_at=tx.now(), updated_at=tx.now(), properties=checked(properties),
        )  # fmt: skip
        return rows.insert(tx, fresh, self._most)

    def upload(self, image: Image, base_url: str, ticket: str) -> Upload:
        """Where a host sends the data of a queued image."""
        url = f"{base_url.rstrip('/')}/v2/images/{image.id}/file"
        return Upload(image_id=image.id, url=url, token=ticket, format=image.disk_format or "raw")

    def discard(self, tx: Tx, image_id: str) -> None:
        """Gone for everybody at once, whatever it holds; its data go with the image service's next sweep. An image that
        is gone already stays so."""
        with suppress(NotFound, Conflict):
            uploads.begin_delete(tx, image_id, lease_s=0)

    def discard_unfinished(self, tx: Tx, image_id: str) -> None:
        """As ``discard``, for an image that has no data yet: one that is complete stays."""
        found = rows.find(tx, image_id)
        if found is not None and found.state is State.QUEUED:
            self.discard(tx, image_id)

    def marked(self, tx: Tx, project_id: str, properties: Mapping[str, str]) -> list[str]:
        """Ids of the project's images with data that have all these properties, the newest first; at most 1,000."""
        return rows.marked(tx, project_id, properties)

    def source(self, image: Image, base_url: str, token: str) -> ImageSource:
        """Where a host fetches the image: ``base_url`` is the image API's, without /v2; ``token`` reads images.

        Raises Conflict for an image without data.
        """
        if image.size is None or image.virtual_size is None or not image.hash_value:
            raise Conflict(f"Image {image.id} has no data.", resource="image", id=image.id)
        if not image.disk_format or not image.hash_algo:
            raise Internal(f"image {image.id} has data but no format")
        return ImageSource(
            id=image.id,
            url=f"{base_url.rstrip('/')}/v2/images/{image.id}/file",
            token=token,
            format=image.disk_format,
            size=image.size,
            hash_algo=image.hash_algo,
            hash_value=image.hash_value,
            virtual_size=image.virtual_size,
        )
