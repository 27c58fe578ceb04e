"""The tables of a catalogue. What a column means: docs/catalogue.md."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 1
"""That of the tables; a change of them is a new one."""

WHOLE = -1
"""The segment of a run that is no plateau of a series: NULLs would not be told apart."""

TABLES = MetaData()

catalogue = Table("catalogue", TABLES, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("parts", Text, nullable=False),
    Column("sha256", Text),
    Column("rows", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("status", Text),
    Column("started", Text),
    Column("software", Text),
    Column("temperature_K", Float),
    Column("field_T", Float),
    Column("voltage_V", Float),
    Column("current_A", Float),
    Column("state", Text),
    Column("polarity", Text),
    Column("wires", Integer),
    Column("heater", Text),
    Column("output", Text),
    Column("position", Text),
    Column("stars", Integer),
    Column("comment", Text),
    Column("warnings", Text, nullable=False),
    Column("analysed", Text),
    Column("version", Text),
    Column("settings", Text),
    UniqueConstraint("path", "segment"),
)

quantities = Table(
    "quantities",
    TABLES,
    Column("run", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Float),
    Column("stderr", Float),
    Column("note", Text),
    Index("by_key", "key", "value"),
)

errors = Table(
    "errors",
    TABLES,
    Column("path", Text, primary_key=True),
    Column("error", Text, nullable=False),
    Column("seen", Text, nullable=False),
)

kept = Table(
    "kept",
    TABLES,
    Column("path", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("analysed", Text, nullable=False),
    Column("results", LargeBinary, nullable=False),
)
