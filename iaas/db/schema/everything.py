"""All tables: imported by migrations and tests, never by a daemon that needs only some of them."""

from iaas.db.schema import compute, identity, image, network, operations, volume
from iaas.db.schema.metadata import metadata

__all__ = ["compute", "identity", "image", "metadata", "network", "operations", "volume"]
