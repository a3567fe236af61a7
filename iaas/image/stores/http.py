"""A read-only store: data that lie at a URL, which the platform's services said (S-019), and stay there.

Every read is as guarded as a user's web-download: schemes, ports, addresses and redirects by ``web_*`` of [image].
Nothing is ever written or deleted; that the data are still the recorded ones is the reader's to check by hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast

from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.image import address, fetch
from iaas.image.remote import RemoteBlob
from iaas.image.store import Blob, Writer


class HttpStore:
    READ_ONLY = True

    def __init__(self, options: ImageStore, image: ImageOptions) -> None:
        self._image = image
        self._prefixes = options.http_prefixes

    def takes(self, url: str) -> bool:
        """A URL of the configured prefixes, or any that may be fetched when there are none."""
        try:
            address.parsed(url, self._image)
        except Invalid:
            return False
        return not self._prefixes or any(url.startswith(prefix) for prefix in self._prefixes)

    def writer(self, name: str) -> Writer:
        self._checked(name)
        raise Forbidden("This store is only read.")

    def open(self, name: str) -> BinaryIO:
        self._checked(name)
        return cast(BinaryIO, RemoteBlob(lambda offset: self._body(name, offset)))

    def _body(self, url: str, offset: int) -> fetch.WebStream:
        try:
            return fetch.open_url(url, self._image, offset=offset)
        except Invalid as error:
            raise NotFound(f"There are no data at the location: {error.message}") from error

    def delete(self, name: str) -> bool:
        self._checked(name)
        return False

    def inventory(self) -> Iterator[Blob]:
        return iter(())

    def describe(self) -> dict[str, str]:
        return {"prefixes": ",".join(self._prefixes)}

    def free(self) -> int | None:
        return None

    def _checked(self, name: str) -> None:
        if not self.takes(name):
            raise Invalid("This store does not read this URL.", field="name")


PLUGIN = HttpStore
