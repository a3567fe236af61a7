"""Images of servers through the whole cloud: filled by the host, or gone."""

from __future__ import annotations

import pytest

from iaas import context as contexts
from iaas.compute import create, lifecycle
from iaas.compute.actions import snapshot
from iaas.compute.actions.snapshot import Wish
from iaas.errors import Internal, Invalid, NotFound
from iaas.model.image import Image
from iaas.model.image import State as ImageState
from iaas.model.order import Power
from iaas.model.server import State
from iaas.model.server_request import NetworkWish, NewServers
from tests.cloud.harness import FLAVOR, Cloud
from tests.cloud.servers import boot, delete, left_behind, network


def snap(cloud: Cloud, server_id: str, **wish: object) -> str:
    asked = Wish(**{"name": "snap", "metadata": {}, **wish})  # type: ignore[arg-type]
    return snapshot.create_image(cloud.compute, cloud.context, server_id, asked)


def image_of(cloud: Cloud, image_id: str) -> Image | None:
    with cloud.database.read() as tx:
        try:
            return cloud.image.get(tx, contexts.system(), image_id)
        except NotFound:
            return None


@pytest.mark.parametrize("verb", ["", "stop", "pause", "suspend"])
def test_a_snapshot_is_an_image_of_the_project_and_the_server_stays_as_it_is(cloud: Cloud, verb: str) -> None:
    """A-176."""
    server_id = boot(cloud, network(cloud))
    if verb:
        getattr(lifecycle, verb)(cloud.compute, cloud.context, server_id)
        cloud.settle()
    before = cloud.server(server_id)
    image_id = snap(cloud, server_id, metadata={"mine": "yes"})
    shown = image_of(cloud, image_id)
    assert shown is not None and shown.status == "queued"
    cloud.settle()
    image = image_of(cloud, image_id)
    assert image is not None
    assert (image.status, image.project_id, image.visibility) == ("active", cloud.context.project_id, "private")
    assert (image.disk_format, image.min_disk, image.virtual_size) == ("qcow2", 1, 1 << 30)
    wanted = {"instance_uuid": server_id, "base_image_ref": before.image_id, "image_type": "snapshot", "mine": "yes"}
    assert wanted.items() <= image.properties.items()
    after = cloud.server(server_id)
    assert (after.state, after.task, after.power) == (before.state, None, before.power)
    assert cloud.audit() == []
    wish = NewServers(name="again", flavor_id=FLAVOR.id, image_id=image_id, networks=NetworkWish.NONE)
    _, [again] = create.create(cloud.compute, cloud.context, wish)
    cloud.settle()
    assert cloud.server(again).state is State.ACTIVE


def test_a_snapshot_that_fails_leaves_no_image(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.fail("copy_disk", Internal("no"))
    image_id = snap(cloud, server_id)
    cloud.settle()
    assert image_of(cloud, image_id) is None
    assert (cloud.server(server_id).state, cloud.server(server_id).task) == (State.ACTIVE, None)
    assert cloud.audit() == []


def test_a_guest_that_goes_off_meanwhile_is_copied_from_its_file(cloud: Cloud) -> None:
    server_id = boot(cloud)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.on_copy = host.hypervisor.stops
    image_id = snap(cloud, server_id)
    cloud.settle()
    image = image_of(cloud, image_id)
    assert image is not None and image.status == "active"
    assert cloud.server(server_id).state is State.STOPPED


def test_an_image_that_somebody_deletes_meanwhile_fails_the_snapshot(cloud: Cloud) -> None:
    server_id = boot(cloud)
    image_id = snap(cloud, server_id)
    cloud.database.run(lambda tx: cloud.image.discard(tx, image_id))
    cloud.settle()
    assert image_of(cloud, image_id) is None
    assert (cloud.server(server_id).state, cloud.server(server_id).power) == (State.ACTIVE, Power.RUNNING)


@pytest.mark.parametrize("messages", range(0, 6))
def test_a_delete_takes_the_unfinished_image_with_it(cloud: Cloud, messages: int) -> None:
    server_id = boot(cloud, network(cloud))
    image_id = snap(cloud, server_id)
    for _ in range(messages):
        cloud.bus.step()
        if cloud.inbox.work:
            function, operation_id = cloud.inbox.work.pop(0)
            function(operation_id)
    delete(cloud, server_id)
    cloud.settle()
    image = image_of(cloud, image_id)
    assert image is None or image.status == "active"
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_a_backup_keeps_as_many_as_asked_of_its_type(cloud: Cloud) -> None:
    server_id = boot(cloud)
    made = []
    for kind in ("daily", "weekly", "daily", "daily"):
        made.append(snap(cloud, server_id, backup_type=kind, rotation=2))
        cloud.settle()
    found = [image_of(cloud, image_id) for image_id in made]
    assert [image is not None for image in found] == [False, True, True, True]
    assert all(image.state is ImageState.ACTIVE for image in found if image)
    last = snap(cloud, server_id, backup_type="daily", rotation=0)
    cloud.settle()
    assert [image_of(cloud, image_id) is not None for image_id in (*made, last)] == [False, True, False, False, False]
    assert cloud.audit() == []


def test_metadata_that_no_image_may_have_is_refused_and_leaves_nothing(cloud: Cloud) -> None:
    server_id = boot(cloud)
    with pytest.raises(Invalid):
        snap(cloud, server_id, metadata={"hw_disk_bus": "floppy"})
    assert cloud.server(server_id).task is None
