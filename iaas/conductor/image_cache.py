"""Has images brought to hosts before servers need them (os-aggregates/{id}/images)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from iaas.conductor.guests import Guests
from iaas.errors import Conflict, NotFound
from iaas.rpc.compute import ComputeRpc

_LOG = logging.getLogger(__name__)
_TTL_S = 6 * 3600  # a host fetches one image after the other


@dataclass(frozen=True, kw_only=True)
class ImageCaching:
    guests: Guests
    compute: ComputeRpc

    def spread(self, image_ids: Sequence[str], hosts: Sequence[str]) -> None:
        """An image that went away meanwhile is left out. Idempotent: a host fetches what it does not have."""
        for image_id in image_ids:
            try:
                source = self.guests.source(image_id, _TTL_S)
            except (NotFound, Conflict) as error:
                _LOG.warning("image %s is not fetched ahead: %s", image_id, error.message)
                continue
            for host in hosts:
                self.compute.cache_image(host, source)
