"""The embedded server's settings: durable, local only, modest in memory, made for many writes.

`ALTER SYSTEM` overrides any of them and survives updates of Clarion.
"""

from pathlib import Path

from clarion.db.embedded.socket_folder import PORT

ROLE = "clarion"
DATABASE = "clarion"

SETTINGS = {
    "cluster_name": "clarion",
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "96MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "huge_pages": "off",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "1",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_buffers": "8MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "20s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_error_verbosity": "terse",  # its DETAIL lines quote rows, with tokens and external ids
}


def render(socket_folder: Path) -> str:
    """The text of `postgresql.conf`."""
    settings = SETTINGS | {"unix_socket_directories": f'"{socket_folder}"'}
    lines = (f"{name} = {_quoted(value)}" for name, value in settings.items())
    return "# Written at each start. Change a setting with ALTER SYSTEM instead.\n" + "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
