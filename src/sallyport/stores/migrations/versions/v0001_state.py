"""The one table of the state store.

It keeps its rowid: in tables without one, page splits leave more stale copies of keys and values behind.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Rows by kind and key; `version` counts the changes of a row."""
    op.create_table(
        "state",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
