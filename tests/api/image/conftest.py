"""The image API in process: real logic, SQLite, a store in a directory; callers by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from iaas.api import app, route
from iaas.api.image import access
from iaas.api.image.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.config.sections import Image as ImageOptions
from iaas.context import Context
from iaas.db.engine import Database
from iaas.errors import Unauthenticated
from iaas.ids import new_request_id
from iaas.image.services import ImageServices, make

MIB = 1024 * 1024
ROLES = {
    "alice": ("alpha", ("member", "reader")),
    "anna": ("alpha", ("reader",)),
    "bob": ("beta", ("member", "reader")),
    "carol": ("gamma", ("member", "reader")),
    "root": ("ops", ("admin", "member", "reader")),
    "nova": ("service", ("service",)),
}


def who(name: str) -> Context:
    if name.startswith("ticket:"):
        return Context(request_id=new_request_id(), may_upload=name.removeprefix("ticket:"))
    if name not in ROLES:
        raise Unauthenticated("The request you have made requires authentication.")
    project, roles = ROLES[name]
    return Context(request_id=new_request_id(), user_id=name, project_id=project, roles=roles)


class As:
    """The API as one caller sees it: ``alice.post("/v2/images", {...})``."""

    def __init__(self, client: FlaskClient, token: str | None) -> None:
        self._client, self._headers = client, {"X-Auth-Token": token} if token else {}

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        headers = {**self._headers, **more.pop("headers", {})}
        return self._client.open(path, method=method, json=json, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        return self.call("POST", path, json, **more)

    def put(self, path: str, json: Any = None, **more: Any) -> Any:
        return self.call("PUT", path, json, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.call("DELETE", path, **more)

    def patch(self, path: str, *changes: Any, media: str = "v2.1") -> Any:
        headers = {"Content-Type": f"application/openstack-images-{media}-json-patch"}
        return self.call("PATCH", path, list(changes), headers=headers)

    def create(self, **body: Any) -> dict[str, Any]:
        defaults = {"name": "tiny", "disk_format": "raw", "container_format": "bare"}
        answer = self.post("/v2/images", {**defaults, **body})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json
        return created

    def upload(self, image_id: str, data: bytes, **headers: str) -> Any:
        sent = {"Content-Type": "application/octet-stream", **headers}
        return self.call("PUT", f"/v2/images/{image_id}/file", data=data, headers=sent)

    def active(self, data: bytes = b"x" * 1000, **body: Any) -> dict[str, Any]:
        image = self.create(**body)
        answer = self.upload(image["id"], data)
        assert answer.status_code == 204, answer.text
        found: dict[str, Any] = self.get(f"/v2/images/{image['id']}").json
        return found


@pytest.fixture
def options(tmp_path: Path) -> ImageOptions:
    return ImageOptions(
        directory=str(tmp_path / "store"), max_size=4 * MIB, project_quota=6 * MIB, max_virtual_size=1 << 40,
        formats=("raw", "qcow2", "vmdk", "iso"),
    )  # fmt: skip


@pytest.fixture
def services(database: Database, options: ImageOptions) -> ImageServices:
    return make(database, options)


@pytest.fixture
def wsgi(services: ImageServices) -> Any:
    return served(services)


def served(services: ImageServices) -> Any:
    """The API over these services."""
    routes = route.collect("iaas.api.image")
    policy = Policy.of_routes(routes, access.EXTRA_RULES)
    return app.make_app(DIALECT, routes, services, policy, who)


@pytest.fixture
def api(wsgi: Any) -> Callable[[str | None], As]:
    return lambda name: As(wsgi.test_client(), name)


@pytest.fixture
def alice(api: Callable[[str | None], As]) -> As:
    return api("alice")


@pytest.fixture
def bob(api: Callable[[str | None], As]) -> As:
    return api("bob")


@pytest.fixture
def root(api: Callable[[str | None], As]) -> As:
    return api("root")


def stored(services: ImageServices) -> list[str]:
    return sorted(blob.name for blob in services.stores["filesystem"].inventory())
