"""How alembic runs here: the app's own engine, its metadata, batches for SQLite."""

from __future__ import annotations

from alembic import context
from flask import current_app

config = context.config
database = current_app.extensions["migrate"].db


def render_item(kind, item, _autogenerate_context):
    """Our UTC column is a plain DateTime in the database; a migration must not import the app of another day."""
    return "sa.DateTime()" if kind == "type" and type(item).__name__ == "UtcDateTime" else False


def run_migrations_online() -> None:
    with database.engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=database.metadata, render_item=render_item,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


def run_migrations_offline() -> None:
    context.configure(
        url=str(database.engine.url), target_metadata=database.metadata, literal_binds=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
