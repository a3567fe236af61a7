"""Floating IPs that a server got by itself know which one, to go with it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("floating_ips", schema=None) as batch_op:
        batch_op.add_column(sa.Column("made_for", sa.String(length=36), nullable=True))
        batch_op.create_index(batch_op.f("ix_floating_ips_made_for"), ["made_for"], unique=False)
