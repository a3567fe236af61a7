"""Where the APIs listen: by port or by path, as the configuration says."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from iaas.cmd.http import serve
from iaas.cmd.listen import address, url
from iaas.config.sections import Api
from iaas.daemon import Daemon
from iaas.errors import Invalid, Unavailable
from tests.integration.rabbit import free_port


def app(name: str) -> Callable[..., Any]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{name} {environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]

    return answer


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    daemon = Daemon("iaas-test", "here")
    yield daemon
    daemon._end()


def test_several_apis_share_a_port_by_path(daemon: Daemon) -> None:
    place = f"127.0.0.1:{free_port()}"
    serve(daemon, {f"{place}/compute": app("compute"), f"{place}/network": app("network")}, threads=2)
    assert httpx.get(f"http://{place}/compute/v2.1/servers").text == "compute /compute /v2.1/servers"
    assert httpx.get(f"http://{place}/network/v2.0/ports").text == "network /network /v2.0/ports"
    assert httpx.get(f"http://{place}/elsewhere").status_code == 404


def test_an_api_alone_on_its_port_has_the_root(daemon: Daemon) -> None:
    place = f"127.0.0.1:{free_port()}"
    serve(daemon, {f"{place}/": app("compute")}, threads=1)
    assert httpx.get(f"http://{place}/v2.1").text == "compute  /v2.1"


def test_a_port_that_is_taken_is_named(daemon: Daemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"can't listen on {place}: .*in use"):
            serve(daemon, {f"{place}/": app("compute")}, threads=1)


@pytest.mark.parametrize(
    ("listen", "parts"),
    [("127.0.0.1:8774/", ("127.0.0.1", 8774, "")), ("[::1]:80/a/b/", ("[::1]", 80, "/a/b")), ("h:1", ("h", 1, ""))],
)
def test_a_listen_string_is_host_port_and_path(listen: str, parts: tuple[str, int, str]) -> None:
    assert address(listen) == parts


@pytest.mark.parametrize("listen", ["8774", "host/path", ":80/", "host:http/"])
def test_anything_else_is_refused(listen: str) -> None:
    with pytest.raises(Invalid):
        address(listen)


def test_links_follow_the_public_url() -> None:
    assert url(Api(compute_listen="10.0.0.1:8774/compute", public_url="https://cloud.example"), "compute") == (
        "https://cloud.example/compute"
    )
    assert url(Api(compute_listen="10.0.0.1:8774/"), "compute") == "http://10.0.0.1:8774"


def test_who_listens_on_every_address_says_which_one_clients_use() -> None:
    everywhere = Api(image_listen="0.0.0.0:9292/v", public_host="cloud.example")
    assert url(everywhere, "image") == "http://cloud.example:9292/v"
    with pytest.raises(Invalid, match="public_host"):
        url(Api(image_listen="0.0.0.0:9292/"), "image")
