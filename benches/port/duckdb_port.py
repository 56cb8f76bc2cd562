"""Copies all tables of a SQLite database to PostgreSQL by DuckDB: duckdb_port.py FILE CONNECTION_STRING.

Without arguments it only says whether DuckDB and both of its extensions are there.
"""

import importlib.util
import sys
from pathlib import Path

import duckdb


def load(connection, name):
    """Loads an extension from its package: without it, DuckDB would fetch it over the network."""
    folder = Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
    connection.load_extension(str(folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"))


def main():
    connection = duckdb.connect(":memory:")
    load(connection, "sqlite_scanner")
    load(connection, "postgres_scanner")
    if len(sys.argv) == 1:
        return
    source, target = (argument.replace("'", "''") for argument in sys.argv[1:])
    connection.execute(f"ATTACH '{source}' AS source (TYPE sqlite, READ_ONLY)")
    connection.execute(f"ATTACH '{target}' AS target (TYPE postgres)")
    for table in ("account", "event", "document", "attachment"):
        connection.execute(f"CREATE TABLE target.public.{table} AS SELECT * FROM source.{table}")


main()
