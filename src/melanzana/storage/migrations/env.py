"""Run by Alembic: migrates the connection that `melanzana.storage.migrations.upgrade` hands in."""

from alembic import context

from melanzana.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
