"""The metadata API as a guest reads it, and as somebody else tries to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from dataclasses import dataclass

import pytest
from werkzeug.test import Client, TestResponse

from iaas.api.app import make_app
from iaas.api.metadata.dialect import DIALECT
from iaas.api.metadata.service import Metadata
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.compute.facade import ComputeFacade
from iaas.compute.metadata import drive
from iaas.db.compute import servers
from iaas.db.engine import Database
from iaas.db.network import subnets
from tests.api.compute.world import World, authenticate, make_world

SECRET = "the shared secret"
IP = "10.0.0.50"


@dataclass
class Guest:
    """A guest of network ``network`` behind the agent."""

    world: World
    client: Client
    network: str
    server: str

    def get(
        self, path: str, ip: str = IP, network: str | None = None, secret: str = SECRET, **more: str
    ) -> TestResponse:
        network = network or self.network
        signature = hmac.new(secret.encode(), f"{network} {ip}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Forwarded-For": ip, "X-Network-Id": network, "X-Iaas-Signature": signature, **more}
        return self.client.get(path, headers=headers)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.get_data()
        return answer.get_data(as_text=True)


def facade_of(world: World) -> ComputeFacade:
    return ComputeFacade(database=world.database, network=world.compute.network, domain="iaas.internal")


def client_of(world: World, secret: str) -> Client:
    services = Metadata(compute=facade_of(world), secret=secret)
    routes = collect("iaas.api.metadata")
    return Client(make_app(DIALECT, routes, services, Policy.of_routes(routes), authenticate))


@pytest.fixture
def guest(database: Database) -> Guest:
    world = make_world(database)
    world.host()
    network = world.network()
    world.ok("alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "mine"}})
    server = world.server(
        name="My Web_1", networks=[{"uuid": network, "fixed_ip": IP}], key_name="mine", metadata={"role": "web"},
        user_data=base64.b64encode(b"\x00#cloud-config").decode(),
    )  # fmt: skip
    world.active(server)
    return Guest(world, client_of(world, SECRET), network, server)


def test_the_openstack_format_tells_a_guest_what_it_is(guest: Guest) -> None:
    assert guest.text("/openstack").splitlines()[-1] == "latest"
    files = "meta_data.json user_data password vendor_data.json vendor_data2.json network_data.json"
    assert guest.text("/openstack/latest/").splitlines() == files.split()
    found = json.loads(guest.text("/openstack/latest/meta_data.json"))
    assert (found["uuid"], found["name"], found["hostname"]) == (guest.server, "My Web_1", "my-web-1.iaas.internal")
    assert (found["availability_zone"], found["project_id"], found["meta"]) == ("nova", "red", {"role": "web"})
    assert found["public_keys"]["mine"].startswith("ssh-rsa ") and found["keys"][0]["name"] == "mine"
    assert len(base64.b64decode(found["random_seed"])) == 512
    assert guest.get("/openstack/latest/user_data").get_data() == b"\x00#cloud-config"
    network = json.loads(guest.text("/openstack/latest/network_data.json"))
    assert network["networks"][0]["network_id"] == guest.network
    assert network["links"][0]["id"] == network["networks"][0]["link"]
    assert guest.text("/openstack/2020-10-14/vendor_data.json") == "{}"


def test_a_guest_without_dhcp_is_told_its_address(guest: Guest) -> None:
    def told() -> dict[str, object]:
        (network,) = json.loads(guest.text("/openstack/latest/network_data.json"))["networks"]
        return {name: network.get(name) for name in ("type", "ip_address", "netmask")}

    assert told() == {"type": "ipv4_dhcp", "ip_address": None, "netmask": None}
    (subnet,) = guest.world.database.run(lambda tx: subnets.of_network(tx, guest.network))
    guest.world.database.run(lambda tx: subnets.update(tx, subnet.id, {"enable_dhcp": False}))
    assert told() == {"type": "ipv4", "ip_address": IP, "netmask": str(subnet.net.netmask)}


def test_an_older_version_has_what_it_had(guest: Guest) -> None:
    assert guest.text("/openstack/2012-08-10").splitlines() == ["meta_data.json", "user_data"]
    assert guest.get("/openstack/2012-08-10/network_data.json").status_code == 404
    assert "project_id" not in json.loads(guest.text("/openstack/2013-04-04/meta_data.json"))


def test_the_ec2_format_is_a_tree_of_names(guest: Guest) -> None:
    assert guest.text("/").splitlines()[0] == "1.0"
    assert guest.text("/latest").splitlines() == ["meta-data/", "user-data"]
    names = guest.text("/latest/meta-data/").splitlines()
    assert {"instance-id", "placement/", "public-keys/", "local-ipv4"} <= set(names)
    for path, value in (
        ("local-ipv4", IP), ("instance-id", f"i-{guest.server[:8]}"), ("instance-type", "m1.1"),
        ("hostname", "my-web-1.iaas.internal"), ("placement/availability-zone", "nova"),
        ("security-groups", "default"), ("public-keys/", "0=mine"), ("public-keys/0/", "openssh-key"),
        ("ami-launch-index", "0"), ("block-device-mapping/root", "/dev/vda"),
    ):  # fmt: skip
        assert guest.text(f"/2009-04-04/meta-data/{path}") == value
    assert guest.text("/latest/meta-data/public-keys/0/openssh-key").startswith("ssh-rsa ")
    assert guest.get("/latest/user-data").get_data() == b"\x00#cloud-config"


def test_a_config_drive_has_what_the_service_answers(guest: Guest) -> None:
    """A-104: every file of the OpenStack format, in every version; EC2's tree as one document."""
    facade = facade_of(guest.world)
    with guest.world.database.read() as tx:
        files = drive.files(facade.particulars(tx, servers.get(tx, guest.server)))
    folders = {path.rpartition("/")[0] for path in files if path.startswith("openstack/")}
    assert folders == {f"openstack/{version}" for version in guest.text("/openstack").splitlines()}
    for folder in folders:
        names = {path.rpartition("/")[2] for path in files if path.rpartition("/")[0] == folder}
        assert names == set(guest.text(f"/{folder}").splitlines()) - {"password"}, "which is the service's alone"
        for name in names - {"meta_data.json"}:
            assert files[f"{folder}/{name}"] == guest.get(f"/{folder}/{name}").get_data()
        told, served = (json.loads(text) for text in (files[f"{folder}/meta_data.json"],
                                                      guest.text(f"/{folder}/meta_data.json")))  # fmt: skip
        assert len(told.pop("random_seed", "")) == len(served.pop("random_seed", ""))
        assert told == served
    for version in ("latest", "2009-04-04"):
        assert files[f"ec2/{version}/user-data"] == guest.get("/latest/user-data").get_data()
        document = json.loads(files[f"ec2/{version}/meta-data.json"])
        for path in (
            "local-ipv4",
            "instance-id",
            "hostname",
            "public-keys/0/openssh-key",
            "placement/availability-zone",
        ):
            found = document
            for name in path.split("/"):
                found = found[name]
            assert found == guest.text(f"/latest/meta-data/{path}")


@pytest.mark.parametrize("path", ["/nonsense", "/latest/meta-data/nothing", "/openstack/1999-01-01", "/latest/../etc",
                                  "/openstack/latest/meta_data.json/x"])  # fmt: skip
def test_what_is_not_there_is_404(guest: Guest, path: str) -> None:
    assert guest.get(path).status_code == 404


def test_a_guest_without_key_or_data_has_no_such_files(guest: Guest) -> None:
    guest.world.server(networks=[{"uuid": guest.network, "fixed_ip": "10.0.0.60"}])
    listed = guest.get("/openstack/latest", ip="10.0.0.60").get_data(as_text=True)
    assert "user_data" not in listed.splitlines()
    assert guest.get("/latest/meta-data/public-keys/", ip="10.0.0.60").status_code == 404


def test_only_the_agent_is_believed(guest: Guest, caplog: pytest.LogCaptureFixture) -> None:
    """S-085: forged, missing and doubled headers; the same address on another network; nothing secret is logged."""
    path = "/openstack/latest/meta_data.json"
    other = guest.world.network("blue", "other")
    guest.world.server("bob", networks=[{"uuid": other}])
    good = hmac.new(SECRET.encode(), f"{guest.network} {IP}".encode(), hashlib.sha256).hexdigest()
    with caplog.at_level(logging.DEBUG):
        assert guest.get(path, secret="wrong").status_code == 403
        assert guest.get(path, network=other).status_code == 404
        assert guest.get(path, ip="10.0.0.99").status_code == 404
        for name in ("X-Iaas-Signature", "X-Network-Id", "X-Forwarded-For"):
            assert guest.get(path, **{name: ""}).status_code == 403
        assert guest.get(path, **{"X-Forwarded-For": f"{IP}, {IP}"}).status_code == 403
        assert guest.get(path, **{"X-Iaas-Signature": good.upper()}).status_code == 403
        assert guest.get(path, **{"X-Instance-ID": "x", "X-Iaas-Signature": "é"}).status_code == 403
        assert guest.client.get(path).status_code == 403
    assert good not in caplog.text and SECRET not in caplog.text


def test_without_a_secret_nobody_is_answered(guest: Guest) -> None:
    guest.client = client_of(guest.world, "")
    assert guest.get("/latest", secret="").status_code == 403


def test_a_deleted_servers_address_tells_nothing(guest: Guest) -> None:
    guest.world.database.run(lambda tx: guest.world.compute.network.release(tx, guest.server))
    assert guest.get("/latest").status_code == 404
