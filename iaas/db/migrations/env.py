"""alembic's entry: runs the migrations on the connection that iaas.db.migrate hands in."""

from typing import Any, Literal

from alembic import context

from iaas.db.schema import everything
from iaas.db.schema.metadata import UtcDateTime


def render(kind: str, value: Any, generator: Any) -> str | Literal[False]:
    """Our column type under its own name; everything else as alembic does."""
    if kind == "type" and isinstance(value, UtcDateTime):
        generator.imports.add("from iaas.db.schema.metadata import UtcDateTime")
        return "UtcDateTime()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=everything.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
