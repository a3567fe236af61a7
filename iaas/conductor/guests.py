"""Makes the GuestSpec: everything that a host needs to build one server, so that it needs no database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from iaas import context as contexts
from iaas.compute.facade import ComputeFacade
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.db.volume import attachments
from iaas.errors import NotFound
from iaas.identity.facade import IdentityFacade
from iaas.image.facade import ImageFacade
from iaas.model.image import Image
from iaas.model.order import GuestSpec, ImageSource, Nic, Particulars, Upload
from iaas.model.server import Server
from iaas.model.volume import AttachmentState

TOKEN_TTL_S = 900
UPLOAD_TTL_S = 21600  # copying and sending a large disk takes its time


@dataclass(frozen=True, kw_only=True)
class Guests:
    """``image_url``: the image API as compute hosts reach it."""

    database: Database
    image: ImageFacade
    identity: IdentityFacade
    compute: ComputeFacade
    image_url: str

    def spec(self, server: Server, nics: tuple[Nic, ...], building: bool = False) -> GuestSpec:
        """With the volumes that are attached; ``building``: also with those that are promised and served already.

        An image that has vanished meanwhile is left out: a server that was built needs it no more. Raises NotFound for
        one that is ``building``.
        """
        states = [AttachmentState.ATTACHED, *([AttachmentState.RESERVED] if building else [])]
        source = None
        with self.database.read() as tx:
            volumes = attachments.connections(tx, server.id, states)
            image = self._image(tx, server, building)
            drive = self._config_drive(tx, server)
        if image is not None and (building or image.size is not None):
            source = self._source(image)
        flavor = server.flavor
        return GuestSpec(
            server_id=server.id,
            name=server.name,
            project_id=server.project_id,
            user_id=server.user_id,
            flavor=flavor.name,
            vcpus=flavor.vcpus,
            ram_mb=flavor.ram_mb,
            disk_gb=flavor.disk_gb,
            ephemeral_gb=flavor.ephemeral_gb,
            swap_mb=flavor.swap_mb,
            image=source,
            nics=nics,
            volumes=volumes,
            config_drive=drive,
        )

    def _config_drive(self, tx: Tx, server: Server) -> Particulars | None:
        """What is on the server's config drive, if it is to have one: of itself as it is known to users, on the host
        and with the flavor that the order is about."""
        if not server.config_drive:
            return None
        known = servers.get(tx, server.id)
        return self.compute.particulars(tx, replace(known, host=server.host, flavor=server.flavor))

    def _image(self, tx: Tx, server: Server, needed: bool) -> Image | None:
        if server.image_id is None:
            return None
        try:
            return self.image.get(tx, contexts.system(), server.image_id)
        except NotFound:
            if needed:
                raise
            return None

    def upload(self, image_id: str) -> Upload:
        """Where a host sends the data of a queued image. Raises NotFound."""
        with self.database.read() as tx:
            image = self.image.get(tx, contexts.system(), image_id)
        return self.image.upload(image, self.image_url, self.identity.mint_upload_ticket(image_id, UPLOAD_TTL_S))

    def source(self, image_id: str, ttl_s: int = TOKEN_TTL_S) -> ImageSource:
        """Where a host gets the image, for so many seconds. Raises NotFound, Conflict."""
        with self.database.read() as tx:
            image = self.image.get(tx, contexts.system(), image_id)
        return self._source(image, ttl_s)

    def _source(self, image: Image, ttl_s: int = TOKEN_TTL_S) -> ImageSource:
        return self.image.source(image, self.image_url, self.identity.service_token(ttl_s))
