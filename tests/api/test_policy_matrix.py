"""S-052, S-062, S-064, S-069: every route as every persona, and by every way of writing its URL.

The table of who gets past is policy_matrix.txt, to be read and reviewed like code: a change of a rule shows as a
changed cell. tools/regenerate.py writes it, authorization.py compares it (run by test_optimized.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iaas.api.route import ADMIN
from iaas.clock import ManualClock
from iaas.db.engine import Database
from iaas.db.image import images
from iaas.db.schema.image import image_members
from iaas.ids import new_uuid
from iaas.model.image import Image, State, Visibility
from tests.api.matrix import BLUE, PERSONAS, RED, TABLE, Cell, Matrix, make_matrix, protected

CELLS = tuple(protected())
# A rule of these is about the user's own things, which no role of a project rules.
OWN = ("rule:admin_or_self", "user_id:%(user_id)s", "user_id:%(target.")
# As published, a list that is not kept is refused to everybody.
REFUSED_TO_ALL = {"identity GET /v3/auth/tokens/OS-PKI/revoked"}
# Who may not see the object must not learn of it, so these look it up before the second rule decides: proven below.
SECOND_RULE = {"image PUT /v2/images/<image_id>/members/<member_id>": "modify_member"}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Matrix]:
    directory = tmp_path_factory.mktemp("matrix")
    (directory / "iaas.sqlite").write_bytes(database_template.read_bytes())
    database = Database(f"sqlite:///{directory}/iaas.sqlite", clock=ManualClock())
    yield make_matrix(database, directory)
    database.close()


def own(cell: Cell) -> bool:
    return cell.route.policy is not None and any(about in cell.route.policy.check for about in OWN)


def test_nobody_is_401_everywhere_and_a_bad_token_too(matrix: Matrix) -> None:
    wrong = [cell.name for cell in matrix.cells if matrix.ask(cell, "nobody") != 401]
    wrong += [cell.name for cell in matrix.cells if matrix.ask(cell, "nobody", X_Auth_Token="forged") != 401]
    assert not wrong


def test_a_reader_is_refused_on_every_mutating_route(matrix: Matrix) -> None:
    mutating = [cell for cell in matrix.cells if cell.mutating and not own(cell) and cell.name not in SECOND_RULE]
    assert len(mutating) > 100
    assert not [cell.name for cell in mutating if matrix.ask(cell, "reader") != 403]


def test_a_member_is_refused_on_every_administrators_route(matrix: Matrix) -> None:
    reserved = [cell for cell in matrix.cells if cell.route.policy and cell.route.policy.check == ADMIN]
    assert len(reserved) > 50
    for who in ("unscoped", "reader", "member", "other", "service"):
        assert not [cell.name for cell in reserved if matrix.ask(cell, who) != 403], who


def test_the_administrator_passes_everywhere_but_where_only_the_user_itself_may(matrix: Matrix) -> None:
    refused = {cell.name for cell in matrix.cells if matrix.ask(cell, "admin") in (401, 403)}
    own_alone = {cell.name for cell in CELLS if cell.route.policy and cell.route.policy.check == OWN[1]}
    assert refused == own_alone | REFUSED_TO_ALL


def test_a_second_rule_refuses_a_reader_who_sees_the_object(matrix: Matrix) -> None:
    """S-026, S-062: an image that is shared with the reader's project; only a member of it may accept."""
    [name] = SECOND_RULE
    [cell] = [cell for cell in CELLS if cell.name == name]
    image_id = shared_image(matrix)
    path = f"/v2/images/{image_id}/members/{RED}"
    answers = {who: put_status(matrix, cell, who, path) for who in ("reader", "member", "other", "service")}
    assert answers == {"reader": 403, "member": 200, "other": 403, "service": 404}


def shared_image(matrix: Matrix) -> str:
    database = matrix.database
    now = database.now()
    image = Image(
        id=new_uuid(), name="shared", project_id=BLUE, state=State.QUEUED, task=None, visibility=Visibility.SHARED,
        disk_format=None, container_format=None, min_disk=0, min_ram=0, protected=False, hidden=False, size=None,
        virtual_size=None, checksum=None, hash_algo=None, hash_value=None, generation=0, version=0,
        created_at=now, updated_at=now,
    )  # fmt: skip

    def write(tx: Any) -> None:
        images.insert(tx, image)
        member = {"image_id": image.id, "project_id": RED, "status": "pending", "created_at": now, "updated_at": now}
        tx.insert(image_members, member)

    database.run(write)
    return image.id


def put_status(matrix: Matrix, cell: Cell, who: str, path: str) -> int:
    client = matrix.clients[cell.service]
    return client.put(path, headers={"X-Auth-Token": who}, json={"status": "accepted"}).status_code


# URLs ----------------------------------------------------------------------------------------------------------------


def variants(path: str) -> dict[str, str]:
    """What the application may get as the path, the server having decoded what it does."""
    head, _, tail = path.rpartition("/")
    middle = path.replace("/", "//", 2)[1:]
    return {
        "double slash in front": "/" + path,
        "double slash inside": middle,
        "trailing slash": path + "/",
        "encoded slash that stays": f"{head}%2f{tail}",
        "encoded letter that stays": f"{head}/%{ord(tail[0]):02x}{tail[1:]}",
        ".json": path + ".json",
        "dot segment": f"{head}/./{tail}",
        "climbing": f"{head}/x/../{tail}",
        "parameter": path + ";x=1",
        "upper case": path.upper(),
        "without its version": "/" + path.lstrip("/").partition("/")[2],
        "NUL": path + "\x00",
    }


@pytest.mark.parametrize("who", ["nobody", "reader", "member"])
def test_no_way_of_writing_a_url_gets_past_where_the_plain_one_does_not(matrix: Matrix, who: str) -> None:
    """S-064: a variant is decided like the canonical URL, or is another or no resource's."""
    plain = {cell.name: matrix.ask(cell, who) for cell in matrix.cells}
    wrong = []
    for cell in matrix.cells:
        refused = plain[cell.name] in (401, 403)
        for name, path in variants(cell.path).items() if refused else ():
            status = matrix.ask(cell, who, path)
            if status not in (plain[cell.name], 404, 405):
                wrong.append(f"{cell.name} by {name} is {status}")
    assert not wrong


@pytest.mark.parametrize("who", ["nobody", "reader", "member", "admin"])
def test_head_is_decided_like_get(matrix: Matrix, who: str) -> None:
    readable = [cell for cell in matrix.cells if cell.route.method == "GET"]
    own_rules = {cell.route.path for cell in matrix.cells if cell.route.method == "HEAD"}
    for cell in readable:
        if cell.route.path not in own_rules:
            assert matrix.ask(cell, who, method="HEAD") == matrix.ask(cell, who), cell.name


OVERRIDES = ("X_HTTP_Method_Override", "X_HTTP_Method", "X_Method_Override", "X_Forwarded_Method")


def test_a_header_does_not_change_the_method(matrix: Matrix) -> None:
    """S-064: a GET that says to be a DELETE is a GET, and the other way round."""
    wrong = []
    for cell in matrix.cells:
        lie = "DELETE" if cell.route.method == "GET" else "GET"
        status = matrix.ask(cell, "reader")
        answers = {header: matrix.ask(cell, "reader", **{header: lie}) for header in OVERRIDES}
        wrong += [f"{cell.name} with {header} is {now}" for header, now in answers.items() if now != status]
    assert not wrong


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "GETT"])
def test_other_methods_reach_no_handler(matrix: Matrix, method: str) -> None:
    assert not [cell.name for cell in matrix.cells if matrix.ask(cell, "admin", method=method) != 405]


def test_headers_that_name_another_caller_are_not_believed(matrix: Matrix) -> None:
    """S-034; A1, lesson 4: who asks comes from the token alone."""
    lies = {
        "X_Roles": "admin", "X_Role": "admin", "X_Project_Id": BLUE, "X_User_Id": "0" * 32,
        "X_Is_Admin_Project": "True", "X_Identity_Status": "Confirmed", "X_Service_Roles": "admin",
        "OpenStack_System_Scope": "all", "X_Tenant_Id": BLUE,
    }  # fmt: skip
    for who in ("nobody", "reader"):
        for cell in matrix.cells:
            assert matrix.ask(cell, who, **lies) == matrix.ask(cell, who), cell.name


def test_every_persona_is_in_the_table() -> None:
    assert TABLE.read_text().splitlines()[2].split()[1:] == list(PERSONAS)
