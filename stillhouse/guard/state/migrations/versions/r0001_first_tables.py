"""The first tables: directory, actions, counters, ledger."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    version = op.create_table(
        "directory_version",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(version, [{"id": 1, "value": 0}])
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("organisation", sa.String(128), sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("account", sa.String(128), sa.ForeignKey("accounts.id"), nullable=False, index=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "actions",
        sa.Column("account", sa.String(128), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("window_start", sa.Float, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", big, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("ledger_entries_hash", "ledger_entries", ["hash"])
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", big, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
    )
