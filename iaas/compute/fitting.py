"""Whether an image fits a flavor: what is refused at once instead of on a host (A-069, S-011). Pure."""

from __future__ import annotations

from iaas.errors import Forbidden, Invalid
from iaas.model.flavor import Flavor
from iaas.model.image import Image

GIB = 1024**3


def check(image: Image, flavor: Flavor, zero_disk: bool) -> None:
    """Raises Invalid, or Forbidden for a flavor without a disk size that the caller may not use."""
    check_memory(image.min_ram, flavor)
    if flavor.disk_gb == 0:
        if not zero_disk:
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    room = flavor.disk_gb * GIB
    needed = max(image.size or 0, image.virtual_size or 0)
    if needed > room:
        raise Invalid(
            f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {needed} bytes.",
            field="flavorRef",
        )
    if (image.min_disk or 0) > flavor.disk_gb:
        raise Invalid(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {room} bytes, minimum size is {image.min_disk * GIB} bytes.",
            field="flavorRef",
        )


def check_memory(min_ram_mb: int | None, flavor: Flavor) -> None:
    """All that counts when the root disk is a volume. Raises Invalid."""
    if flavor.ram_mb < (min_ram_mb or 0):
        raise Invalid("Flavor's memory is too small for requested image.", field="flavorRef")
