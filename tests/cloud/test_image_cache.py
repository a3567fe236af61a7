"""Images on their way to hosts, through the whole cloud: fetched ahead for an aggregate, refused with a reason."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from iaas.cmd.commands import host as command
from iaas.compute import aggregates, history
from iaas.config import loader, sections
from iaas.db.image import uploads
from iaas.errors import Invalid, NotFound, Unavailable
from iaas.ids import new_uuid
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, image, network, order


class SharedBus:
    """The cloud's bus, which the command must not close."""

    def __init__(self, cloud: Cloud) -> None:
        self._bus = cloud.bus

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def close(self) -> None:
        """It goes on."""


def cached(cloud: Cloud, host: str) -> set[str]:
    return {item.image_id for item in cloud.hosts[host].disks.cached_images()}


def test_the_hosts_of_an_aggregate_have_an_image_before_a_server_wants_it(cloud: Cloud) -> None:
    """A-171 ahead of time: the hosts of the aggregate, no other; an image that went away meanwhile is left out."""
    wanted, gone = image(cloud), image(cloud)
    id = aggregates.create(cloud.compute, "racks", None).id
    aggregates.add_host(cloud.compute, id, "host1")
    aggregates.cache_images(cloud.compute, cloud.context, id, [gone, wanted])
    cloud.database.run(lambda tx: uploads.begin_delete(tx, gone, lease_s=0))
    cloud.settle(rounds=5)
    assert cached(cloud, "host1") == {wanted} and cached(cloud, "host2") == set()
    aggregates.cache_images(cloud.compute, cloud.context, id, [wanted])
    cloud.settle(rounds=5)
    assert cached(cloud, "host1") == {wanted} and cloud.audit() == []
    with pytest.raises(NotFound):
        aggregates.cache_images(cloud.compute, cloud.context, id, [new_uuid()])
    with pytest.raises(NotFound):
        aggregates.cache_images(cloud.compute, cloud.context, 99, [wanted])


def test_an_operator_sees_what_a_host_keeps(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``iaas-manage host images``"""
    boot(cloud, network(cloud))
    (name,) = {name for name in cloud.hosts if cached(cloud, name)}
    (kept,) = cached(cloud, name)
    monkeypatch.setattr("iaas.bus.factory.connect", lambda options: SharedBus(cloud))
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    for words in (["host", "images", name], ["host", "images", name, "--json"]):
        arguments = parser.parse_args(words)
        arguments.run(loader.load(sections.ALL, []), arguments)
    text, _, rows = capsys.readouterr().out.partition("[")
    assert text.startswith(kept) and text.splitlines()[-1] == "1 images, 0 MiB"
    assert [row["image_id"] for row in json.loads("[" + rows)] == [kept]
    arguments = parser.parse_args(["host", "images", "nowhere"])
    with pytest.raises(Unavailable, match="host nowhere"):
        arguments.run(loader.load(sections.ALL, []), arguments)


def test_a_flipped_bit_in_the_store_ends_in_an_error_that_says_so(cloud: Cloud) -> None:
    """S-027: the host refuses the bytes; the server's fault and its events have the reason, and nothing is left."""
    words = "The image's data does not match its recorded hash."
    for host in cloud.hosts.values():
        host.disks.fail(Invalid(words), times=5)
    server_id = order(cloud, network(cloud))
    cloud.settle()
    server = cloud.server(server_id)
    assert server.state is State.ERROR and server.fault is not None and words in str(server.fault)
    _, (built,) = history.of_server(cloud.compute, cloud.context, server_id, history.Span(), False)
    _, _, lines = history.of_request(cloud.compute, cloud.context, server_id, built.request_id, False)
    assert any(words in str(line) for line in lines)
    assert cloud.guests(server_id) == []
    assert cloud.audit() == []
