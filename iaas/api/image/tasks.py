"""Tasks: what goes on after the answer, for administrators; those of one image for who may see the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.image import access, attributes, images, pages
from iaas.api.image.access import ImageCall
from iaas.api.image.view import task as view
from iaas.api.image.view import task_in_list
from iaas.api.route import Reply, Route
from iaas.db.image import tasks as rows
from iaas.errors import Invalid
from iaas.image import address, imports
from iaas.image.imports import WEB, Wish
from iaas.model.image import ImageTask, TaskStatus, TaskType

CREATE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": [TaskType.IMPORT.value]},
        "input": {
            "type": "object",
            "properties": {
                "import_from": {"type": "string", "minLength": 1, "maxLength": 2048},
                "import_from_format": {"type": "string", "maxLength": 20},
                "image_properties": {"type": "object", "maxProperties": 128},
            },
            "required": ["import_from", "import_from_format", "image_properties"],
            "additionalProperties": False,
        },
    },
    "required": ["type", "input"],
    "additionalProperties": False,
}


def create_task(call: ImageCall) -> Reply:
    """An image with these properties, and its data from the URL, which is judged as any other of the web (S-020)."""
    call.enforce(access.ADD_TASK.name)
    given = call.body["input"]
    address.parsed(given["import_from"], call.services.options)
    fields = {"disk_format": given["import_from_format"], "container_format": "bare", **given["image_properties"]}
    image = images.made(call, attributes.validate(fields))
    wish = Wish(method=WEB, uri=given["import_from"])
    task = imports.request(call.services, call.context, image, wish, given, TaskType.IMPORT)
    return Reply(view(task), headers={"Location": f"{call.base_url}/v2/tasks/{task.id}"})


def list_tasks(call: ImageCall) -> dict[str, Any]:
    call.enforce(access.GET_TASKS.name)
    page = pages.page(call, rows.SORT_KEYS)
    filters = {name: call.query[name] for name in ("status", "type") if name in call.query}
    if filters.get("status", TaskStatus.PENDING) not in set(TaskStatus):
        raise Invalid(f"Invalid status value: {filters['status'][:32]!r}", field="status")
    with call.services.database.read() as tx:
        found = rows.listed(tx, _owner(call), filters, page.limit, page.marker, page.sort)
    return {
        "tasks": [task_in_list(task) for task in found],
        **pages.links(call, "/v2/tasks", page, [task.id for task in found]),
        "schema": "/v2/schemas/tasks",
    }


def show_task(call: ImageCall) -> dict[str, Any]:
    call.enforce(access.GET_TASK.name)
    with call.services.database.read() as tx:
        return view(rows.get(tx, call.path["task_id"], _owner(call)))


def tasks_of_image(call: ImageCall) -> dict[str, Any]:
    """All for the image's owner, for others their own. What was asked for is shown to who asked: it names a URL, which
    may hold a signature, or be the platform's (S-019)."""
    image, mine = access.find(call, access.GET_IMAGE), _owner(call)
    with call.services.database.read() as tx:
        found = rows.of_image(tx, image.id, None if mine == image.project_id else mine)
    return {"tasks": [_of_image(task, mine in (None, task.owner)) for task in found]}


def _of_image(task: ImageTask, whole: bool) -> dict[str, Any]:
    shown = {**view(task), "request_id": task.request_id, "user_id": task.user_id}
    return shown if whole else shown | {"input": None}


def _owner(call: ImageCall) -> str | None:
    """Whose tasks the caller sees."""
    return None if call.context.is_admin else call.context.owner


ROUTES = (
    Route("GET", "/v2/tasks", list_tasks, policy=access.TASKS_ACCESS),
    Route("POST", "/v2/tasks", create_task, policy=access.TASKS_ACCESS, body=CREATE, status=201),
    Route("GET", "/v2/tasks/<task_id>", show_task, policy=access.TASKS_ACCESS),
    Route("GET", "/v2/images/<image_id>/tasks", tasks_of_image, policy=access.GET_IMAGE),
)
