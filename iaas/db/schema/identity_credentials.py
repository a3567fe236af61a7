"""Tables of what users prove themselves with apart from passwords: credentials, sealed, and the signatures seen.

``sealed`` holds what only the credential keys open; ``key_hash`` names the key that sealed it, so that a rotation
knows what is left to be sealed again (S-128). ``chain``: the audit id that heads the chains of the tokens that were
given for it; a new one with every change, so that they end by the revocation of the old one (S-030).
"""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.identity import projects, users
from iaas.db.schema.metadata import UtcDateTime, metadata

credentials = sa.Table(
    "identity_credentials",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # of an EC2 credential: SHA-256 of its access key
    sa.Column("user_id", sa.ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("project_id", sa.ForeignKey(projects.c.id, ondelete="CASCADE"), index=True),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("key_hash", sa.String(16), nullable=False, index=True),
    sa.Column("chain", sa.String(32), nullable=False),
    sa.Column("extra", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# Signed requests that were exchanged for a token, until they are too old to be accepted anyway (S-039).
signatures = sa.Table(
    "identity_signatures",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)
