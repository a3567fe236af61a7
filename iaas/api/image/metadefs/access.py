"""Who may do what with metadata definitions: the published rules, and the one look-up that all handlers use.

A private namespace of another project is 404, as if it did not exist, with everything in it (S-053).
"""

from __future__ import annotations

from typing import Any

from iaas.api.image.access import METADEF_ADMIN, ImageCall
from iaas.api.route import Rule
from iaas.db.engine import Tx
from iaas.db.image.metadefs import namespaces
from iaas.errors import Forbidden
from iaas.model.image import Viewer
from iaas.model.images.metadef import Namespace

_SEEN = "((role:reader or role:member) and (project_id:%(project_id)s or 'public':%(visibility)s))"
_GET = f"rule:context_is_admin or {_SEEN}"
_ADMIN = f"rule:{METADEF_ADMIN.name}"

GET_NAMESPACE = Rule("get_metadef_namespace", _GET, "Show a namespace of metadata definitions.")
GET_NAMESPACES = Rule("get_metadef_namespaces", _GET, "List namespaces of metadata definitions.")
ADD_NAMESPACE = Rule("add_metadef_namespace", _ADMIN, "Create a namespace of metadata definitions.")
MODIFY_NAMESPACE = Rule("modify_metadef_namespace", _ADMIN, "Change a namespace of metadata definitions.")
DELETE_NAMESPACE = Rule("delete_metadef_namespace", _ADMIN, "Delete a namespace, or all objects or properties of one.")

GET_OBJECT = Rule("get_metadef_object", _GET, "Show an object of a namespace.")
GET_OBJECTS = Rule("get_metadef_objects", _GET, "List the objects of a namespace.")
ADD_OBJECT = Rule("add_metadef_object", _ADMIN, "Define an object.")
MODIFY_OBJECT = Rule("modify_metadef_object", _ADMIN, "Change an object.")
DELETE_OBJECT = Rule("delete_metadef_object", _ADMIN, "Delete an object.")

GET_PROPERTY = Rule("get_metadef_property", _GET, "Show a property of a namespace.")
GET_PROPERTIES = Rule("get_metadef_properties", _GET, "List the properties of a namespace.")
ADD_PROPERTY = Rule("add_metadef_property", _ADMIN, "Define a property.")
MODIFY_PROPERTY = Rule("modify_metadef_property", _ADMIN, "Change a property.")
REMOVE_PROPERTY = Rule("remove_metadef_property", _ADMIN, "Delete a property.")

GET_TAG = Rule("get_metadef_tag", _GET, "Show a tag of a namespace.")
GET_TAGS = Rule("get_metadef_tags", _GET, "List the tags of a namespace.")
ADD_TAG = Rule("add_metadef_tag", _ADMIN, "Define a tag.")
ADD_TAGS = Rule("add_metadef_tags", _ADMIN, "Define several tags at once.")
MODIFY_TAG = Rule("modify_metadef_tag", _ADMIN, "Rename a tag.")
DELETE_TAG = Rule("delete_metadef_tag", _ADMIN, "Delete a tag.")
DELETE_TAGS = Rule("delete_metadef_tags", _ADMIN, "Delete all tags of a namespace.")

LIST_TYPES = Rule("list_metadef_resource_types", _GET, "List the resource types.")
GET_TYPE = Rule("get_metadef_resource_type", _GET, "List the resource types of a namespace.")
ASSOCIATE = Rule("add_metadef_resource_type_association", _ADMIN, "Associate a resource type with a namespace.")
DISSOCIATE = Rule("remove_metadef_resource_type_association", _ADMIN, "End such an association.")

_STRANGERS = {"project_id": "-", "owner": "-", "visibility": "private"}
READ_ONLY = ("self", "schema", "created_at", "updated_at")


def viewer(call: ImageCall) -> Viewer:
    everything = call.allows(GET_NAMESPACE.name, _STRANGERS)
    return Viewer(project_id=call.context.project_id, everything=everything)


def find(tx: Tx, call: ImageCall, rule: Rule) -> Namespace:
    """The namespace of the path. Raises NotFound when the caller can't see it, Forbidden by the rule."""
    found = namespaces.get(tx, call.path["namespace"], viewer(call))
    call.enforce(rule.name, target(found))
    return found


def target(namespace: Namespace) -> dict[str, Any]:
    owner = namespace.project_id or "-"
    return {"project_id": owner, "owner": owner, "visibility": namespace.visibility.value}


def refuse_read_only(call: ImageCall) -> None:
    """Raises Forbidden."""
    for name in READ_ONLY:
        if name in call.body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
