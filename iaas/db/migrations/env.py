"""alembic's entry: runs the migrations on the connection that iaas.db.migrate hands in."""

from alembic import context

from iaas.db.schema import everything

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=everything.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
