"""The tables of the guard's database, for SQLite and Postgres alike.

Every row that a gateway keeps in memory carries the `version` at which it last changed. Versions come from the single
row of `directory_version`, which a writer increments first and so holds until it commits: versions become visible in
order, and a gateway that asks for rows above the last version that it saw never misses one.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

__all__ = [
    "accounts",
    "actions",
    "checkpoints",
    "counters",
    "directory_version",
    "entries",
    "keys",
    "metadata",
    "organisations",
    "proposals",
]

metadata = MetaData()

directory_version = Table(
    "directory_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("value", BigInteger, nullable=False),
)

# `document` is the JSON of the value class in stillhouse.guard.access.entities without the columns beside it.
organisations = Table(
    "organisations",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("document", Text, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("organisation", String(128), ForeignKey("organisations.id"), nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("account", String(128), ForeignKey("accounts.id"), nullable=False, index=True),
    Column(
        "digest", LargeBinary(32), nullable=False, unique=True
    ),  # SHA-256 of the key; the key itself is never stored
    Column("document", Text, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

# What is in force for an account now; how it came to be is in the ledger.
actions = Table(
    "actions",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("document", Text, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
    # Who spoke last about the account, and when in seconds since 1970; unknown of rows of before revision 0002.
    Column("actor", Text),
    Column("at", Float),
)

# What detection asks a person for: none of it is in force.
proposals = Table(
    "proposals",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)

# Counts that must survive a restart of a gateway without Valkey: what was used in a window.
counters = Table(
    "counters",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("window_start", Float, primary_key=True),
    Column("value", Float, nullable=False),
)

# The ledger: `body` is the canonical JSON of an entry as it was hashed, so a reader needs no knowledge of its fields.
entries = Table(
    "ledger_entries",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

Index("ledger_entries_hash", entries.c.hash)
