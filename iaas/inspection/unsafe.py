"""The refusal of an image."""

from __future__ import annotations

from iaas.errors import Invalid


class Unsafe(Invalid):
    """The data are not what the image says they are, or a thing that no host should open (S-001 … S-011)."""

    kind = "invalid"
