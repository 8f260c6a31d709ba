"""Brings a state database to the schema of this version, by the migrations shipped beside this file.

A database that is current costs one query, and neither Alembic nor SQLAlchemy is loaded then. For a process that
lives long they are loaded in another one, `sallyport.stores.upgrade`: they would stay in memory.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sallyport.errors import Fault

HEAD = "0001"  # the newest file in migrations/versions
MIGRATIONS = Path(__file__).parent / "migrations"
APART_SECONDS = 30.0


def migrate(db: sqlite3.Connection) -> None:
    """Upgrade to `HEAD` in one transaction. Errors: `Fault` for a database of a newer version."""
    if revision(db) != HEAD:
        _upgrade(db)


def migrate_apart(db: sqlite3.Connection, path: Path) -> None:
    """Let another process upgrade the file. What it leaves undone `migrate` does, or says why it cannot."""
    if revision(db) == HEAD:
        return
    command = (sys.executable, "-P", "-m", "sallyport.stores.upgrade", str(path))
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - a module of ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=APART_SECONDS,
            check=False,
        )


def revision(db: sqlite3.Connection) -> str:
    """The revision that is stored, "" for an empty database."""
    named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if db.execute(named).fetchone() is None:
        return ""
    found = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def _upgrade(db: sqlite3.Connection) -> None:
    from alembic import command  # noqa: PLC0415  # 20 MB and 0.3 s that a current database does not need
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            # Before the revision is looked at, so that processes that start together migrate one after the other;
            # and after connecting, because SQLAlchemy begins with a rollback.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except CommandError as error:
        raise Fault("state store: the database was written by a newer version") from error
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
