"""S-035, S-053 to S-056: what one project has is, for another, as if it had never been. Over all routes.

Two projects have one of everything; every route with an id is asked by a member of one about what the other has, and
about ids that nobody has. The answers must be the same word for word, and nothing may have changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from iaas.api import schema
from iaas.clock import ManualClock
from iaas.config.sections import Auth
from iaas.db.compute import flavors
from iaas.db.engine import Database, Tx
from iaas.db.image import images
from iaas.db.schema.metadata import metadata
from iaas.db.volume import backends, volumes
from iaas.errors import Conflict
from iaas.identity.facade import IdentityFacade
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex, new_uuid
from iaas.model.flavor import Flavor
from iaas.model.image import Image, State, Visibility
from iaas.model.order import Backend
from iaas.model.project import Project
from iaas.model.user import User
from tests.api.example import example
from tests.api.matrix import BLUE, PERSONAS, RED, Cell, Matrix, make_matrix, protected

CELLS = tuple(cell for cell in protected() if "<" in cell.route.path)
JSON_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
BODILESS = ("GET", "HEAD", "DELETE")


def a_public_image(now: datetime) -> Image:
    return Image(
        id=new_uuid(), name="public", project_id="0" * 32, state=State.ACTIVE, task=None, visibility=Visibility.PUBLIC,
        disk_format="raw", container_format="bare", min_disk=0, min_ram=0, protected=False, hidden=False, size=1000,
        virtual_size=1000, checksum="0" * 32, hash_algo="sha512", hash_value="0" * 128, generation=1, version=1,
        created_at=now, updated_at=now,
    )  # fmt: skip


def on_a_host(tx: Tx, volume: str) -> None:
    backends.record(tx, "h1", Backend(total_gb=100, address="192.0.2.1", port=10809))
    assert backends.take(tx, "h1", 1)
    volumes.change(tx, volume, {"host": "h1"})
    volumes.finish(tx, volume, "create")


def project_of(who: str) -> str:
    caller = PERSONAS[who]
    assert caller and caller.project_id
    return caller.project_id


class Furnished:
    """The applications, and what each of the two projects has: collection in the URL -> id."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.red, self.blue = self.furnish("member"), self.furnish("other")
        self.statements: list[str] = []
        event.listen(matrix.database.engine, "before_cursor_execute", lambda *seen: self.statements.append(seen[2]))

    def furnish(self, who: str) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}

        def make(service: str, path: str, noun: str, **values: Any) -> str:
            answer = self.ask(service, who, "POST", path, {noun: values} if noun else values)
            assert answer.status_code < 300, (path, answer.text)
            body = answer.json[noun] if noun else answer.json  # type: ignore[index]
            found[service, path.rsplit("/", 1)[1]] = str(body.get("id") or body["name"])
            return found[service, path.rsplit("/", 1)[1]]

        net = make("network", "/v2.0/networks", "network", name="n")
        subnet = make("network", "/v2.0/subnets", "subnet", network_id=net, cidr="10.0.0.0/24", ip_version=4)
        make("network", "/v2.0/ports", "port", network_id=net)
        make("network", "/v2.0/routers", "router", name="r")
        group = make("network", "/v2.0/security-groups", "security_group", name="g")
        rule = {"security_group_id": group, "direction": "ingress"}
        make("network", "/v2.0/security-group-rules", "security_group_rule", **rule)
        volume = make("volume", "/v3/volumes", "volume", size=1, name="v")
        self.matrix.database.run(lambda tx: on_a_host(tx, volume))
        make("volume", "/v3/snapshots", "snapshot", volume_id=volume, name="s")
        make("image", "/v2/images", "", name="i", disk_format="raw", container_format="bare")
        make("compute", "/v2.1/os-server-groups", "server_group", name="g", policies=["affinity"])
        server = self.server(who, net)
        found |= {("compute", "servers"): server, ("network", "network-ip-availabilities"): net}
        found["network", "auto-allocated-topology"] = project_of(who)
        found["identity", "credentials"] = self.credential(who)
        keypair = self.ask("compute", who, "POST", "/v2.1/os-keypairs", {"keypair": {"name": f"k-{who}"}})
        assert keypair.status_code == 200, keypair.text
        return found | {("compute", "os-keypairs"): f"k-{who}", ("network", "subnets"): subnet}

    def server(self, who: str, network: str) -> str:
        image = self.matrix.database.run(lambda tx: images.insert(tx, a_public_image(tx.now())))
        with suppress(Conflict):
            self.matrix.database.run(
                lambda tx: flavors.insert(tx, Flavor(id="1", name="f", ram_mb=64, disk_gb=1, vcpus=1))
            )
        body = {"name": "s", "imageRef": image.id, "flavorRef": "1", "networks": [{"uuid": network}]}
        answer = self.ask("compute", who, "POST", "/v2.1/servers", {"server": body})
        assert answer.status_code == 202, answer.text
        return str(answer.json["server"]["id"])

    def credential(self, who: str) -> str:
        caller = PERSONAS[who]
        assert caller is not None
        body = {"user_id": caller.user_id, "type": "cert", "blob": "secret"}
        answer = self.ask("identity", who, "POST", "/v3/credentials", {"credential": body})
        assert answer.status_code == 201, answer.text
        return str(answer.json["credential"]["id"])  # type: ignore[index]

    def ask(self, service: str, who: str, method: str, path: str, body: Any = None, version: str | None = None) -> Any:
        headers = {"X-Auth-Token": who} | (JSON_PATCH if (service, method) == ("image", "PATCH") else {})
        headers |= {"OpenStack-API-Version": f"{service} {version}"} if version else {}
        return self.matrix.clients[service].open(path, method=method, headers=headers, json=body)

    def state(self) -> dict[str, list[Any]]:
        with self.matrix.database.read() as tx:
            return {table.name: sorted(map(repr, tx.all(table.select()))) for table in metadata.sorted_tables}


def furnished_with(database: Database, directory: Path) -> Furnished:
    """Over empty tables; keys and images go into the directory."""
    identity = IdentityServices.open(database, Auth(key_repository=str(directory / "keys"), bcrypt_rounds=4))
    IdentityFacade(identity).bootstrap("secret", {})
    for who in ("member", "other"):
        caller = PERSONAS[who]
        assert caller and caller.user_id and caller.project_id
        identity.users.create_with(User(id=caller.user_id, domain_id="default", name=who), None)
        identity.projects.create(Project(id=caller.project_id, domain_id="default", parent_id="default", name=who))
    return Furnished(make_matrix(database, directory))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Furnished]:
    directory = tmp_path_factory.mktemp("isolation")
    (directory / "iaas.sqlite").write_bytes(database_template.read_bytes())
    database = Database(f"sqlite:///{directory}/iaas.sqlite", clock=ManualClock())
    yield furnished_with(database, directory)
    database.close()


def filled(cell: Cell, known: dict[tuple[str, str], str]) -> tuple[str, list[str]]:
    """The path with the id of each collection in it, else one that nobody has; and the ids that were put in."""
    ids: list[str] = []

    def one(match: re.Match[str]) -> str:
        before, variable = match[1], match[2]
        if (cell.service, before) in known:
            chosen = known[cell.service, before]
        elif before == "v3" or variable == "project_id":  # the volume API's projects are the caller's own
            chosen = BLUE if cell.service == "volume" else new_hex()
        else:
            chosen = new_uuid()
        ids.append(chosen)
        return f"/{before}/{chosen}"

    return re.sub(r"/([^/]+)/<(?:\w+:)?(\w+)>", one, cell.route.path), ids


def owned(furnished: Furnished, cell: Cell) -> bool:
    """Whether the route is about one thing that a project has."""
    return any((cell.service, part) in furnished.red for part in re.findall(r"/([^/]+)/<", cell.route.path))


def answer_of(furnished: Furnished, cell: Cell, known: dict[tuple[str, str], str]) -> tuple[int, str, list[str]]:
    """Status and body, ids and what differs at every request left out; and what the database was asked for it, which is
    what takes the time."""
    path, ids = filled(cell, known)
    body = None
    if cell.route.method not in BODILESS and cell.route.body is not None:
        body = example(cell.route.body)
    furnished.statements.clear()
    answer = furnished.ask(cell.service, "other", cell.route.method, path, body, cell.route.since)
    text = answer.get_data(as_text=True)
    for id in sorted(ids, key=len, reverse=True):
        text = text.replace(id, "ID")
    return answer.status_code, text, list(furnished.statements)


def test_the_smallest_body_of_every_route_is_a_good_one() -> None:
    wrong = []
    for cell in protected():
        if cell.route.body is not None:
            try:
                schema.compiled(cell.route.body)(example(cell.route.body))
            except Exception as error:  # noqa: BLE001 - whatever: it is listed
                wrong.append((cell.name, str(error)))
    assert not wrong


def test_what_another_project_has_is_answered_like_what_nobody_has_and_stays_as_it_is(furnished: Furnished) -> None:
    """A-092, S-053: on every route and verb; a refusal changes nothing. Neither takes longer than the other: the same
    statements, in the same order (how that comes out in time: bench/foreign.py)."""
    before, wrong, statuses = furnished.state(), [], Counter[int]()
    for cell in CELLS:
        if not owned(furnished, cell):
            continue
        foreign, nobodys = answer_of(furnished, cell, furnished.red), answer_of(furnished, cell, {})
        statuses[foreign[0]] += 1
        if foreign != nobodys or foreign[0] < 400:
            wrong.append((cell.name, foreign, nobodys))
    assert statuses[403] + statuses[404] > 0.97 * statuses.total() > 150, f"the bodies don't get there: {statuses}"
    assert not wrong
    assert furnished.state() == before


def test_a_foreign_child_below_an_own_parent_is_none(furnished: Furnished) -> None:
    """S-054: every route with two ids, the first the caller's own."""
    before, wrong, asked, red = furnished.state(), [], 0, furnished.red
    children = {
        ("compute", "os-interface"): red["network", "ports"], ("compute", "ips"): red["network", "networks"],
        ("compute", "os-volume_attachments"): red["volume", "volumes"], ("image", "members"): RED,
    }  # fmt: skip
    for cell in CELLS:
        parent, *inner = re.findall(r"/([^/]+)/<", cell.route.path)
        if (cell.service, parent) not in furnished.blue or not any((cell.service, name) in children for name in inner):
            continue
        asked += 1
        own = {(cell.service, parent): furnished.blue[cell.service, parent]}
        foreign = answer_of(furnished, cell, {**children, **own})
        nobodys = answer_of(furnished, cell, own)
        if foreign != nobodys or foreign[0] < 400:
            wrong.append((cell.name, foreign, nobodys))
    assert asked >= 7
    assert not wrong
    assert furnished.state() == before


FILTERS = (
    "project_id={red}", "tenant_id={red}", "owner={red}", "all_tenants=1", "all_projects=1", "all_projects=true",
    "deleted=true", "host=x", "user_id={user}", "is_public=none", "visibility=all", "member_status=all", "shared=true",
)  # fmt: skip


def test_no_filter_opens_the_lists_of_another_project(furnished: Furnished) -> None:
    """S-055: ignored or refused, on every list; what is found is the caller's own."""
    theirs = sorted({*furnished.red.values(), RED} - set(furnished.blue.values()))
    caller = PERSONAS["member"]
    assert caller is not None
    wrong, lists = [], 0
    for cell in (cell for cell in protected() if cell.route.method == "GET" and "<" not in cell.route.path):
        lists += 1
        for text in FILTERS:
            query = text.format(red=RED, user=caller.user_id)
            path = f"{cell.route.path}?{query}"
            answer = furnished.ask(cell.service, "other", "GET", path, version=cell.route.since)
            found = answer.get_data(as_text=True).replace(query, "")
            leaked = [id for id in theirs if id in found]
            if answer.status_code not in (200, 204, 400, 403, 404) or (leaked and answer.status_code == 200):
                wrong.append((path, answer.status_code, leaked))
    assert lists > 50
    assert not wrong


def test_a_query_or_a_body_does_not_say_whose_the_object_is(furnished: Furnished) -> None:
    """S-035: keys that are called like a variable of the path, or like a target of the rules, change no decision."""
    wrong = []
    for cell in CELLS:
        if not owned(furnished, cell):
            continue
        path, _ = filled(cell, furnished.red)
        names = re.findall(r"<(?:\w+:)?(\w+)>", cell.route.path)
        names += ["project_id", "tenant_id", "user_id", "domain_id", "target"]
        query = "&".join(f"{name}={BLUE}" for name in dict.fromkeys(names))
        body = None
        if cell.route.method not in BODILESS:
            good = example(cell.route.body) if cell.route.body else {}
            body = {**good, "target": {"project_id": BLUE}} if isinstance(good, dict) else good
        answer = furnished.ask(cell.service, "other", cell.route.method, f"{path}?{query}", body, cell.route.since)
        if answer.status_code < 400:
            wrong.append((cell.name, answer.status_code))
    assert not wrong


# Mass assignment ------------------------------------------------------------------------------------------------------

LONG_AGO = "2000-01-01T00:00:00Z"
OURS: dict[str, Any] = {"id": "f" * 32, "created_at": LONG_AGO, "updated_at": LONG_AGO, "links": {"self": "x"}}


@pytest.mark.parametrize(
    "noun", ["user", "group", "project", "domain", "role", "region", "service"],
)  # fmt: skip
def test_what_the_server_decides_is_not_taken_from_a_body_of_identity(furnished: Furnished, noun: str) -> None:
    """S-056: an administrator's body; the id and the times are ours, a password's hash nobody's."""
    more = {"password_hash": "x", "valid_after": "2000-01-01T00:00:00Z", "password_expires_at": "2000-01-01T00:00:00Z"}
    needed = {"service": {"type": "x"}, "region": {}}.get(noun, {"name": f"mass-{noun}"})
    ours = dict(OURS) if noun != "region" else {"links": OURS["links"]}  # a region's id is the client's
    path = {"service": "/v3/services"}.get(noun, f"/v3/{noun}s")
    answer = furnished.ask("identity", "admin", "POST", path, {noun: {**needed, **ours, **more}})
    assert answer.status_code == 201, answer.text
    made = answer.json[noun]
    assert made["id"] != OURS["id"]
    assert made["links"]["self"] != "x"
    assert made.get("password_expires_at") is None
    changed = furnished.ask("identity", "admin", "PATCH", f"{path}/{made['id']}", {noun: dict(ours)})
    assert changed.status_code in (200, 400), changed.text
    assert furnished.ask("identity", "admin", "GET", f"{path}/{made['id']}").json[noun]["id"] == made["id"]


@pytest.mark.parametrize(
    "field",
    ["owner", "status", "size", "virtual_size", "checksum", "created_at", "updated_at", "os_hash_algo", "os_hash_value",
     "file", "self", "schema", "locations", "stores", "direct_url"],
)  # fmt: skip
def test_what_the_server_decides_is_refused_in_an_image(furnished: Furnished, field: str) -> None:
    """S-056: when it is made and when it is changed; the row stays."""
    value: Any = {"size": 5, "virtual_size": 5, "locations": [], "owner": RED}.get(field, "active")
    body = {"name": "mass", "disk_format": "raw", "container_format": "bare", field: value}
    assert furnished.ask("image", "other", "POST", "/v2/images", body).status_code in (400, 403)
    path = f"/v2/images/{furnished.blue['image', 'images']}"
    before = furnished.ask("image", "other", "GET", path).json
    answer = furnished.matrix.clients["image"].patch(
        path, headers={"X-Auth-Token": "other", **JSON_PATCH},
        json=[{"op": "add", "path": f"/{field}", "value": value}],
    )  # fmt: skip
    assert answer.status_code in (400, 403, 409), answer.text
    assert furnished.ask("image", "other", "GET", path).json == before
