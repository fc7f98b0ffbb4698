"""PostgreSQL: pool, transactions, named statements, migrations, and the embedded server's launcher."""

from clarion.db.pool import Connection, Database
from clarion.db.statements import Conditions, Statement, Statements, load

__all__ = ["Conditions", "Connection", "Database", "Statement", "Statements", "load"]
