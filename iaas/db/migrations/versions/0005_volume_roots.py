"""Servers that boot from a volume give back what they claimed of their hosts' disks for it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_servers = sa.table(
    "servers", sa.column("id"), sa.column("host"), sa.column("image_id"), sa.column("deleted_at"),
    sa.column("flavor", sa.JSON), sa.column("old_flavor", sa.JSON),
)  # fmt: skip
_claims = sa.table("allocations", sa.column("server_id"), sa.column("host"), sa.column("disk_gb", sa.Integer))
_nodes = sa.table("compute_nodes", sa.column("host"), sa.column("disk_gb_used", sa.Integer))


def upgrade() -> None:
    connection = op.get_bind()
    held = sa.select(_claims.c.server_id, _claims.c.host, _servers.c.host.label("home"), _servers.c.flavor,
                     _servers.c.old_flavor)  # fmt: skip
    held = held.join_from(_claims, _servers, _servers.c.id == _claims.c.server_id)
    for row in connection.execute(held.where(_servers.c.image_id.is_(None), _servers.c.deleted_at.is_(None))).all():
        root = (row.flavor if row.host == row.home else row.old_flavor or row.flavor)["disk_gb"]
        one = (_claims.c.server_id == row.server_id) & (_claims.c.host == row.host)
        connection.execute(_claims.update().where(one).values(disk_gb=_claims.c.disk_gb - root))
        used = _nodes.c.disk_gb_used - root
        connection.execute(_nodes.update().where(_nodes.c.host == row.host).values(disk_gb_used=used))
