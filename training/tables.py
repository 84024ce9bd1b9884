"""The two tables of a store: runs and their points."""

import sqlalchemy as sa

SCHEMA = 1  # raised whenever the tables change; kept in the file's user_version

tables = sa.MetaData()
runs = sa.Table(
    "runs",
    tables,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("grid", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("want", sa.Text, nullable=False, default=""),
    sa.Column("want_since", sa.Float),
    sa.Column("stage", sa.Text, nullable=False, default=""),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("queued", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("heartbeat", sa.Float),
    sa.Column("host", sa.Text, nullable=False, default=""),
    sa.Column("pid", sa.Integer, nullable=False, default=0),
    sa.Column("process", sa.Text, nullable=False, default=""),
    sa.Column("slot", sa.Text, nullable=False, default=""),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("steps", sa.Integer, nullable=False, default=0),
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("record", sa.Text, nullable=False, default="{}"),
    sqlite_autoincrement=True,
)
points = sa.Table(
    "points",
    tables,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number", ondelete="CASCADE"), nullable=False),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("value", sa.Float),  # NULL is NaN: SQLite has none
    sa.UniqueConstraint("run", "series", "step"),
    sqlite_autoincrement=True,
)
