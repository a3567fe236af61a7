"""What other services may ask of images, in their own process: SQL only, no HTTP."""

from __future__ import annotations

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.errors import Conflict, Internal, Invalid
from iaas.model.image import Image, State, Viewer
from iaas.model.order import ImageSource


class ImageFacade:
    """Stateless; thread-safe."""

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
