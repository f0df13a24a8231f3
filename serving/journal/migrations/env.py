"""Alembic's entry: runs on the connection that `serving.journal.schema.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from serving.journal.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
