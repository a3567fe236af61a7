"""A host's ticket fills the one queued image that it names, shows it, and opens nothing else (S-017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iaas.api.image import access
from iaas.api.policy import Policy
from iaas.context import Context
from iaas.image.facade import ImageFacade
from iaas.image.services import ImageServices
from iaas.image.sweep import sweep
from tests.api.image.conftest import As

RED = Context(request_id="r", user_id="u", project_id="alpha", roles=("member",))
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def queued(services: ImageServices) -> str:
    def write(tx: Any) -> str:
        values = {"id": "00000000-0000-4000-8000-000000000001", "name": "snap", "disk_format": "raw"}
        return ImageFacade().queue(tx, RED, values, {"image_type": "snapshot"}).id

    return services.database.run(write)


def test_a_ticket_fills_and_shows_its_image_only(api: Callable[[str], As], queued: str) -> None:
    host, alice = api(f"ticket:{queued}"), api("alice")
    other = alice.post("/v2/images", {"name": "o", "disk_format": "raw", "container_format": "bare"}).json["id"]
    assert host.get(f"/v2/images/{queued}").json["status"] == "queued"
    assert host.put(f"/v2/images/{queued}/file", data=b"x" * 512, headers=OCTETS).status_code == 204
    assert host.get(f"/v2/images/{queued}").json["status"] == "active"
    assert host.put(f"/v2/images/{queued}/file", data=b"y" * 512, headers=OCTETS).status_code == 409
    assert host.put(f"/v2/images/{other}/file", data=b"x", headers=OCTETS).status_code == 403
    assert host.get(f"/v2/images/{other}").status_code == 403
    for method, path, body in (
        ("GET", f"/v2/images/{queued}/file", None), ("DELETE", f"/v2/images/{queued}", None),
        ("GET", "/v2/images", None), ("POST", "/v2/images", {"name": "n"}),
        ("GET", f"/v2/images/{queued}/members", None),
    ):  # fmt: skip
        assert host.call(method, path, body).status_code == 403, path
    shown = alice.get(f"/v2/images/{queued}").json
    assert (shown["image_type"], shown["visibility"], shown["owner"]) == ("snapshot", "private", "alpha")
    assert api("bob").get(f"/v2/images/{queued}").status_code == 404


def test_a_discarded_image_is_gone_at_once_and_for_good(services: ImageServices, queued: str) -> None:
    def discard(tx: Any) -> None:
        ImageFacade().discard(tx, queued)

    services.database.run(discard)
    services.database.run(discard)
    services.database.clock.advance(1)  # type: ignore[attr-defined]
    assert sweep(services).deleted == (queued,)


def test_without_a_ticket_the_rule_does_not_hold() -> None:
    """Absent on both sides is not equal."""
    policy = Policy([access.UPLOAD_IMAGE])
    nobody = Context(request_id="r")
    assert not policy.allows("upload_image", nobody, {"image_id": None, "project_id": "-"})
    assert not policy.allows("upload_image", nobody, {"image_id": "None", "project_id": "-"})
