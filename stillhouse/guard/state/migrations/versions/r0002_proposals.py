"""What detection asks a person for, and who spoke last about an account."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From the first tables."""
    op.add_column("actions", sa.Column("actor", sa.Text))
    op.add_column("actions", sa.Column("at", sa.Float))
    op.create_table(
        "proposals",
        sa.Column("account", sa.String(128), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
