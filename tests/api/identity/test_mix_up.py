"""Many callers at once: each is answered as itself, and as nobody else."""

from __future__ import annotations

import threading
from typing import Any

from werkzeug.test import Client

from tests.api.identity.world import PASSWORD, World
from tests.unit.identity import people

CLIENTS, ROUNDS, USERS = 32, 25, 8


def test_the_answers_owner_is_always_the_tokens_owner(world: World) -> None:
    """S-051: logins, exchanges, validations and lists of many users in one process, memory and pool shared."""
    services = world.services
    known: list[tuple[str, str, str]] = []
    for number in range(USERS):
        who, where = people.user(services, f"user{number}", PASSWORD), people.project(services, f"project{number}")
        people.give(services, "member", who, where)
        known.append((who.id, where.id, people.log_in(services, who, people.on(where), PASSWORD).token))
    wrong: list[Any] = []
    through: list[int] = []
    start = threading.Barrier(CLIENTS)

    def ask(position: int) -> None:
        http = Client(world.http.application)
        user_id, project_id, token = known[position % USERS]
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        start.wait()
        for round in range(ROUNDS):
            listed = http.get("/v3/auth/projects", headers=headers).json
            shown = http.get("/v3/auth/tokens?nocatalog", headers=headers).json
            seen = ([item["id"] for item in listed["projects"]], shown["token"]["user"]["id"],
                    shown["token"]["project"]["id"])  # fmt: skip
            if seen != ([project_id], user_id, project_id):
                wrong.append(seen)
            if round % 5 == 0:
                identity = {"methods": ["token"], "token": {"id": token}}
                body = {"auth": {"identity": identity, "scope": {"project": {"id": project_id}}}}
                made = http.post("/v3/auth/tokens?nocatalog", json=body)
                if made.json["token"]["user"]["id"] != user_id:
                    wrong.append(made.json)
        through.append(position)

    threads = [threading.Thread(target=ask, args=(position,)) for position in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(through) == CLIENTS, "a client came to grief"
