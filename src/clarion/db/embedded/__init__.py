"""The embedded PostgreSQL: found, created, started, shared between commands and stopped again.

Behaviour and files on disk: docs/explanation/embedded-database.md. Decision: docs/adr/0002-embedded-postgresql.md.
"""

from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedDatabaseError", "EmbeddedPostgres"]
