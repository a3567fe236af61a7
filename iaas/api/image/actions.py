"""Actions on images: deactivate hides the data from all but administrators, reactivate shows them again."""

from __future__ import annotations

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.route import Route, Rule
from iaas.db import machine as verbs
from iaas.db.schema.image import images
from iaas.errors import Forbidden
from iaas.model.image import IMAGE


def deactivate(call: ImageCall) -> None:
    _act(call, "deactivate", access.DEACTIVATE)


def reactivate(call: ImageCall) -> None:
    _act(call, "reactivate", access.REACTIVATE)


def _act(call: ImageCall, event: str, rule: Rule) -> None:
    image = access.find(call, rule)
    if not IMAGE.allowed(event, image.state, image.task):
        raise Forbidden(f"Not allowed to {event} image in status '{image.status}'.")
    call.services.database.run(lambda tx: verbs.begin(tx, images, image.id, IMAGE, event))


ROUTES = (
    Route("POST", "/v2/images/<image_id>/actions/deactivate", deactivate, policy=access.DEACTIVATE, status=204),
    Route("POST", "/v2/images/<image_id>/actions/reactivate", reactivate, policy=access.REACTIVATE, status=204),
)
