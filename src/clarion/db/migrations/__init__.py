"""SQL files, applied in order by `clarion.db.migrator`."""
