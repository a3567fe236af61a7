"""openstacksdk and keystoneauth, unmodified, against the volume API."""

from __future__ import annotations

from typing import Any

import pytest
from openstack import exceptions

from tests.compat.cloud import Cloud
from tests.compat.volume import add_volume


@pytest.fixture(scope="module")
def sdk(cloud: Cloud) -> Any:
    add_volume(cloud)
    return cloud.sdk()


def test_discovery_finds_the_version_and_its_range(cloud: Cloud, sdk: Any) -> None:
    for service_type in ("block-storage", "volumev3"):
        found = cloud.session().get_endpoint_data(service_type=service_type, min_version="3")
        assert (found.api_version, found.min_microversion, found.max_microversion) == ((3, 0), (3, 0), (3, 12))


def test_the_cloud_layer_makes_waits_and_deletes(sdk: Any) -> None:
    made = sdk.create_volume(1, name="v", wait=True, timeout=10)
    assert made.status == "available" and sdk.get_volume("v").id == made.id
    assert [volume.name for volume in sdk.list_volumes()] == ["v"]
    assert sdk.delete_volume("v", wait=True, timeout=10) and sdk.get_volume("v") is None


def test_lists_are_followed_through_their_pages(sdk: Any) -> None:
    ids = {sdk.block_storage.create_volume(size=1, name=f"p{number}").id for number in range(5)}
    assert {volume.id for volume in sdk.block_storage.volumes(limit=2)} == ids
    assert {volume.id for volume in sdk.block_storage.volumes(details=False, limit=2)} == ids
    for volume_id in ids:
        sdk.block_storage.delete_volume(volume_id, ignore_missing=False)
    assert list(sdk.block_storage.volumes()) == []


def test_faults_are_the_clients_own_exceptions(sdk: Any) -> None:
    with pytest.raises(exceptions.NotFoundException):
        sdk.block_storage.get_volume("5b1d2e0c-0000-4000-8000-000000000000")
    with pytest.raises(exceptions.BadRequestException, match="Invalid image identifier"):
        sdk.block_storage.create_volume(size=1, image_id="5b1d2e0c-0000-4000-8000-000000000000")
    with pytest.raises(exceptions.HttpException, match="VolumeSizeExceedsAvailableQuota") as caught:
        sdk.block_storage.create_volume(size=5000)
    assert caught.value.status_code == 413


def test_limits_quotas_and_metadata(sdk: Any) -> None:
    volume = sdk.block_storage.create_volume(size=2, name="m", metadata={"a": "1"})
    absolute = sdk.block_storage.get_limits().absolute
    assert (absolute.max_total_volumes, absolute.total_volumes_used, absolute.total_gigabytes_used) == (10, 1, 2)
    quota = sdk.block_storage.get_quota_set(sdk.current_project_id, usage=True)
    assert (quota.volumes, quota.usage["volumes"]) == (10, 1)
    sdk.block_storage.set_volume_metadata(volume, b="2")
    assert sdk.block_storage.get_volume_metadata(volume).metadata == {"a": "1", "b": "2"}
    sdk.block_storage.delete_volume_metadata(volume, ["a"])
    assert sdk.block_storage.get_volume(volume).metadata == {"b": "2"}
    sdk.block_storage.delete_volume(volume)
