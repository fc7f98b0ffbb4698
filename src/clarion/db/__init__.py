"""PostgreSQL: pool, transactions, named statements, migrations, and the embedded server's launcher."""

from clarion.db.pool import Connection, Database
from clarion.db.statements import Conditions, Statement, Statements, load
from clarion.db.steps import in_steps

__all__ = ["Conditions", "Connection", "Database", "Statement", "Statements", "in_steps", "load"]
