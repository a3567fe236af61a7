"""Several stores: discovery, choosing one, reading from another, giving one up."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas import failpoints
from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.db import quotas
from iaas.db.engine import Database
from iaas.errors import Invalid
from iaas.image.services import ImageServices, make
from iaas.image.store_set import from_values
from iaas.image.sweep import sweep
from tests.api.image.conftest import As

DATA = b"x" * 1000


@pytest.fixture
def services(database: Database, options: ImageOptions, tmp_path: Path) -> ImageServices:
    options = replace(options, stores=("fast:filesystem", "slow:filesystem"), default_store="slow")
    fast = ImageStore(directory=str(tmp_path / "fast"), description="the quick one", weight=5)
    return make(database, options, from_values({"fast": fast}))


def blobs(services: ImageServices) -> dict[str, list[str]]:
    return {place.id: sorted(blob.name for blob in place.store.inventory()) for place in services.stores.all}


def used(services: ImageServices) -> int:
    with services.database.read() as tx:
        return quotas.usage(tx, "alpha").get("image_bytes", 0)


def copied(services: ImageServices, image_id: str) -> None:
    """As copy-image leaves it, by hand: in both stores."""
    from iaas.db.image import locations
    from iaas.db.image.uploads import RESOURCE, reserved
    from iaas.db.schema.image import images
    from iaas.model.image import LocationState

    name = f"{image_id}.1"
    writer = services.stores["fast"].writer(name)
    writer.write(DATA)
    writer.commit()

    def note(tx: Any) -> None:
        held = reserved(tx, image_id)
        locations.write(tx, image_id, ["fast"], name)
        locations.move(tx, image_id, ["fast"], LocationState.ACTIVE)
        tx.update(images, images.c.id == image_id, {"reserved": held + len(DATA)})
        quotas.count(tx, "alpha", {RESOURCE: len(DATA)})

    services.database.run(note)


def test_stores_are_listed_and_administrators_see_how_they_are_set_up(alice: As, root: As, tmp_path: Path) -> None:
    brief = [{"id": "fast", "description": "the quick one"}, {"id": "slow", "default": "true"}]
    assert alice.get("/v2/info/stores").json == {"stores": brief}
    assert alice.get("/v2/info/stores/detail").status_code == 403
    fast, slow = root.get("/v2/info/stores/detail").json["stores"]
    assert (fast["type"], fast["weight"], fast["properties"]) == ("file", 5, {"data_path": str(tmp_path / "fast")})
    assert slow["default"] == "true"


def test_an_upload_goes_to_the_default_store_or_to_the_one_of_the_header(alice: As, services: ImageServices) -> None:
    first, second = alice.active(DATA), alice.create()
    assert alice.upload(second["id"], DATA, **{"X-Image-Meta-Store": "fast"}).status_code == 204
    assert first["stores"] == "slow"
    assert alice.get(f"/v2/images/{second['id']}").json["stores"] == "fast"
    assert blobs(services) == {"fast": [f"{second['id']}.1"], "slow": [f"{first['id']}.1"], "staging": []}


@pytest.mark.parametrize("store", ["nowhere", "staging", "../fast"])
def test_an_upload_to_a_store_that_there_is_not_is_refused(alice: As, store: str) -> None:
    image = alice.create()
    assert alice.upload(image["id"], DATA, **{"X-Image-Meta-Store": store}).status_code == 400
    assert alice.get(f"/v2/images/{image['id']}").json["status"] == "queued"


def test_stores_is_not_a_clients_to_write(alice: As) -> None:
    """S-018"""
    image = alice.active(DATA)
    for name in ("stores", "os_glance_failed_import", "os_glance_importing_to_stores"):
        assert alice.post("/v2/images", {"name": "x", name: "fast"}).status_code == 403
        change = {"op": "add", "path": f"/{name}", "value": "fast"}
        assert alice.patch(f"/v2/images/{image['id']}", change).status_code == 403
    renamed = alice.patch(f"/v2/images/{image['id']}", {"op": "replace", "path": "/name", "value": "new"}).json
    assert (renamed["name"], renamed["stores"]) == ("new", "slow")


def test_a_copy_is_read_by_weight_and_a_lost_one_is_made_up_for_by_another(
    alice: As, services: ImageServices, tmp_path: Path
) -> None:
    image = alice.active(DATA)
    copied(services, image["id"])
    assert alice.get(f"/v2/images/{image['id']}").json["stores"] == "fast,slow"
    (path,) = (path for path in (tmp_path / "fast").rglob(f"{image['id']}*"))
    path.write_bytes(b"F" * 1000)
    assert alice.get(f"/v2/images/{image['id']}/file").data == b"F" * 1000
    path.unlink()
    assert alice.get(f"/v2/images/{image['id']}/file").data == DATA
    shutil.rmtree(tmp_path / "store")
    assert alice.get(f"/v2/images/{image['id']}/file").status_code == 404


def test_a_copy_can_be_deleted_from_one_store_and_the_last_one_can_not(alice: As, services: ImageServices) -> None:
    image = alice.active(DATA)
    path = f"/v2/stores/{{}}/{image['id']}"
    assert alice.delete(path.format("slow")).status_code == 403
    assert alice.delete(path.format("fast")).status_code == 404
    assert alice.delete(path.format("nowhere")).status_code == 404
    copied(services, image["id"])
    assert used(services) == 2000
    assert alice.delete(path.format("slow")).status_code == 204
    assert alice.get(f"/v2/images/{image['id']}").json["stores"] == "fast"
    assert blobs(services)["slow"] == []
    assert used(services) == 1000
    assert alice.delete(path.format("fast")).status_code == 403
    assert alice.get(f"/v2/images/{image['id']}/file").data == DATA


def test_a_copy_is_its_owners_to_delete(alice: As, bob: As, root: As, services: ImageServices) -> None:
    """S-018"""
    image = alice.active(DATA)
    copied(services, image["id"])
    path = f"/v2/stores/slow/{image['id']}"
    assert bob.delete(path).status_code == 404
    root.patch(f"/v2/images/{image['id']}", {"op": "replace", "path": "/visibility", "value": "public"})
    assert bob.delete(path).status_code == 403
    root.patch(f"/v2/images/{image['id']}", {"op": "replace", "path": "/protected", "value": True})
    assert alice.delete(path).status_code == 403
    assert used(services) == 2000


@pytest.mark.parametrize("point", ["image.copy.marked", "image.copy.removed"])
def test_a_death_between_copy_and_quota_is_made_good_by_the_sweep(
    alice: As, services: ImageServices, point: str
) -> None:
    """C-14, I-10"""
    image = alice.active(DATA)
    copied(services, image["id"])
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        alice.delete(f"/v2/stores/slow/{image['id']}")
    assert alice.get(f"/v2/images/{image['id']}").json["stores"] == "fast"
    sweep(services)
    assert (blobs(services)["slow"], used(services)) == ([], 1000)


def test_deleting_the_image_empties_every_store_and_the_counter(alice: As, services: ImageServices) -> None:
    """S-023"""
    image = alice.active(DATA)
    copied(services, image["id"])
    assert alice.delete(f"/v2/images/{image['id']}").status_code == 204
    assert blobs(services) == {"fast": [], "slow": [], "staging": []}
    assert used(services) == 0


def test_the_sweep_knows_every_store(alice: As, services: ImageServices) -> None:
    image = alice.active(DATA)
    for store in ("fast", "staging"):
        writer = services.stores[store].writer(f"{image['id']}.1")
        writer.write(b"x")
        writer.commit()
    assert sweep(services, 0).removed == (f"{image['id']}.1",) * 2
    assert blobs(services) == {"fast": [], "slow": [f"{image['id']}.1"], "staging": []}


@pytest.mark.parametrize(
    ("stores", "default"),
    [
        (("filesystem",), ""), (("a:filesystem", "a:filesystem"), ""), (("staging:filesystem",), ""), ((), ""),
        (("a:filesystem",), "b"), (("a:nothing",), ""), (("A:filesystem",), ""), (("a:filesystem", "b:filesystem"), ""),
    ],
    ids=["no-driver", "twice", "staging", "none", "no-default", "no-such-driver", "capital", "same-directory"],
)  # fmt: skip
def test_a_configuration_that_can_not_be_is_refused_at_start(
    database: Database, options: ImageOptions, stores: tuple[str, ...], default: str
) -> None:
    with pytest.raises(Invalid):
        make(database, replace(options, stores=stores, default_store=default))
