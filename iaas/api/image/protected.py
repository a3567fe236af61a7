"""Property protections at work: what a caller sees of an image's free properties, and may do to them.

A property that the caller can't read is not there for it: not shown, not found by a filter, not patched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from iaas.api.image import view
from iaas.api.image.access import ImageCall, target
from iaas.api.route import Rule
from iaas.errors import Forbidden
from iaas.image import properties
from iaas.image.protections import ROLES, Protections
from iaas.model.image import Image


def show(call: ImageCall, image: Image) -> dict[str, Any]:
    """The image's JSON form as the caller sees it."""
    return view.image(visible(call, image))


def visible(call: ImageCall, image: Image) -> Image:
    """The image without what the caller can't read."""
    if not call.services.protections:
        return image
    seen = {name: value for name, value in image.properties.items() if may(call, "read", name, image)}
    return replace(image, properties=seen)


def may(call: ImageCall, operation: str, name: str, image: Image | None = None) -> bool:
    protections = call.services.protections
    if protections.kind == ROLES:
        roles = {role.lower() for role in call.context.roles}
        return protections.allow(operation, name, lambda word: word.lower() in roles)
    goal = target(image) if image else None
    return protections.allow(operation, name, lambda rule: call.allows(rule, goal))


def check_new(call: ImageCall, names: Iterable[str]) -> None:
    """Raises Forbidden when the caller may not make an image with one of these properties."""
    for name in names if call.services.protections else ():
        if not may(call, "create", name):
            raise _refused(name)


def merged(call: ImageCall, was: Image, free: Mapping[str, str]) -> dict[str, str]:
    """The properties after a patch that saw only the visible ones and left ``free`` of them. Raises Forbidden,
    TooLarge."""
    if not call.services.protections:
        return dict(free)
    seen = visible(call, was).properties
    hidden = {name: value for name, value in was.properties.items() if name not in seen}
    for name in sorted(set(free) | set(seen)):
        if name in hidden:
            raise _refused(name)
        if free.get(name) == seen.get(name):
            continue
        operation = "create" if name not in seen else "delete" if name not in free else "update"
        if not may(call, operation, name, was):
            raise _refused(name)
    return properties.checked({**hidden, **free})


def _refused(name: str) -> Forbidden:
    return Forbidden(f"Property '{name[:64]}' is protected.")


def rules(protections: Protections, known: Iterable[str]) -> tuple[Rule, ...]:
    """The rules that only the protections' file names: nobody passes, until the policy file says who."""
    names = sorted(protections.rules() - set(known))
    return tuple(Rule(name, "!", "Named by the property protections.") for name in names)
