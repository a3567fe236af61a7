"""What can go wrong with images beyond the general kinds, where a caller must tell the cases apart."""

from __future__ import annotations

from iaas.errors import Error, Invalid, TooLarge


class StoreFull(TooLarge):
    """The store has no space for the data."""

    kind = "too_large"


class Gone(Error):
    """The image was deleted while its data were on the way."""

    kind = "gone"


class Broken(Invalid):
    """The client went away, or sent less or more than it had announced."""

    kind = "invalid"
