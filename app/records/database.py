"""How the database is opened: SQLite as a real database, and whether it answers."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Engine, event, text

BUSY_TIMEOUT_MS = 5000


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection, _record) -> None:
    """WAL so that readers never wait for the writer; FULL so that what was acknowledged survives a power cut.

    FULL costs one fsync a commit, and commits are batched to about one a second.
    """
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def answers(engine: Engine) -> str | None:
    """None when the database answers and has its tables, otherwise what is wrong and what to do."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT id FROM sessions LIMIT 1")).first()
    except Exception as error:
        first_line = str(error).splitlines()[0]
        return f"the database does not answer ({first_line}); run `flask --app wsgi db upgrade` if it is new"
    return None
