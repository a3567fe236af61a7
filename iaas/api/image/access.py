"""Who may do what with which image: the published policy rules, and the one look-up that all handlers use.

What a caller can't see is 404, as if it did not exist; what it can see and may not do is 403.
"""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, ANY, EVERY_SCOPE, MEMBER, SERVICE, Rule
from iaas.db.image import images as rows
from iaas.image.services import ImageServices
from iaas.model.image import Image, Viewer

_SEEN = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'public':%(visibility)s "
    "or 'community':%(visibility)s or 'shared':%(visibility)s)"
)
_TICKET = "may_upload:%(image_id)s"
_READ = f"rule:service_or_admin or {_TICKET} or ((role:reader or role:member) and {_SEEN})"
_FETCH = f"rule:service_or_admin or (role:member and {_SEEN})"
_ANSWER = "rule:context_is_admin or (role:member and project_id:%(member_id)s)"

DEFAULT = Rule("default", ANY, "What has no rule of its own: schemas and facts about the service.", EVERY_SCOPE)
GET_IMAGE = Rule("get_image", _READ, "Show an image. The platform's services see all images.")
GET_IMAGES = Rule("get_images", _READ, "List images.")
ADD_IMAGE = Rule("add_image", MEMBER, "Create an image.")
MODIFY_IMAGE = Rule("modify_image", MEMBER, "Change an image's metadata and tags.")
DELETE_IMAGE = Rule("delete_image", MEMBER, "Delete an image.")
UPLOAD_IMAGE = Rule("upload_image", f"{MEMBER} or {_TICKET}", "Upload data. A host may with a ticket for the image.")
DOWNLOAD_IMAGE = Rule("download_image", _FETCH, "Download data. The platform's services read all images.")
PUBLICIZE_IMAGE = Rule("publicize_image", ADMIN, "Make an image public.")
COMMUNITIZE_IMAGE = Rule("communitize_image", MEMBER, "Make an image a community image.")
STORES_DETAIL = Rule("stores_info_detail", ADMIN, "See how each store is set up.")
DELETE_LOCATION = Rule("delete_image_location", MEMBER, "Delete the copy of an image in one store.")
COPY_IMAGE = Rule("copy_image", ADMIN, "Copy an image to further stores.")
ADD_LOCATION = Rule("add_image_location", SERVICE, "Make an image of data that are somewhere already (S-019).")
FETCH_LOCATION = Rule("fetch_image_location", SERVICE, "See where the data of an image are.")
TASKS_ACCESS = Rule("tasks_api_access", ADMIN, "Use /v2/tasks at all.")
GET_TASK = Rule("get_task", ANY, "Show a task, to who has tasks_api_access.")
GET_TASKS = Rule("get_tasks", ANY, "List tasks, to who has tasks_api_access.")
ADD_TASK = Rule("add_task", ANY, "Create a task, to who has tasks_api_access.")
DEACTIVATE = Rule("deactivate", MEMBER, "Deactivate an image.")
REACTIVATE = Rule("reactivate", MEMBER, "Reactivate an image.")
ADD_MEMBER = Rule("add_member", MEMBER, "Share an image with a project.")
GET_MEMBER = Rule("get_member", _READ, "Show a member of a shared image.")
GET_MEMBERS = Rule("get_members", _READ, "List the members of a shared image.")
MODIFY_MEMBER = Rule("modify_member", _ANSWER, "Accept or reject a shared image.")
DELETE_MEMBER = Rule("delete_member", MEMBER, "Stop sharing an image with a project.")
METADEF_ADMIN = Rule("metadef_admin", ADMIN, "Who keeps the metadata definitions.")

# Rules that no route has as its own; the composition root hands them to the Policy beside the routes'.
EXTRA_RULES = (
    PUBLICIZE_IMAGE, COMMUNITIZE_IMAGE, MODIFY_MEMBER, METADEF_ADMIN, COPY_IMAGE, GET_TASK, GET_TASKS, ADD_TASK,
)  # fmt: skip

# An image of somebody else that is shared with nobody: who may see this one may see all.
_STRANGERS = {"project_id": "-", "owner": "-", "member_id": "-", "visibility": "private"}
ImageCall = Call[ImageServices]


def viewer(call: ImageCall) -> Viewer:
    everything = call.allows(GET_IMAGE.name, _STRANGERS)
    return Viewer(project_id=call.context.project_id, everything=everything)


def target(image: Image, member: str | None = None) -> dict[str, Any]:
    """What the rules are checked against. ``member``: the project whose membership is at stake."""
    owner = image.project_id or "-"
    return {
        "project_id": owner,
        "owner": owner,
        "member_id": member or "-",
        "visibility": image.visibility.value,
        "image_id": image.id,
    }


def find(call: ImageCall, rule: Rule) -> Image:
    """The image of the path. Raises NotFound when the caller can't see it, Forbidden by the rule."""
    ticket = call.context.may_upload
    eyes = Viewer(project_id=None, everything=True) if ticket == call.path["image_id"] else viewer(call)
    with call.services.database.read() as tx:
        image = rows.get(tx, call.path["image_id"], eyes)
    call.enforce(rule.name, target(image, call.context.project_id))
    return image
