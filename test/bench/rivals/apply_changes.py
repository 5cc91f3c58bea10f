"""Applies the changes of one version of a Delta table to a Postgres table, as one would write it by hand:
apply_changes.py TOOL DELTA_FOLDER POSTGRES_URL TABLE VERSION

The last change of each key goes into a staging table, from which one MERGE changes the table. Prints one line of JSON: seconds
on the clock, processor seconds of this process and its children, and the tool's version. Imports, and Spark's start, are not
timed, since a program that runs all the time does them once.
"""

import importlib.metadata
import json
import os
import sys
import tempfile
import time

import duckdb
import psycopg
from deltalake import DeltaTable

from processor_time import processor_seconds

tool, folder, url, table = sys.argv[1:5]
version = int(sys.argv[5])
LAST = "_change_type <> 'update_preimage'", "partition by id order by _commit_version desc, _change_type = 'delete'"


def columns(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Names and types of the table's columns."""
    return connection.execute(
        """select attname, format_type(atttypid, atttypmod) from pg_attribute
            where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum""",
        [table],
    ).fetchall()


def merge(connection: psycopg.Connection, staged: str) -> None:
    typed = columns(connection)
    others = [name for name, _ in typed if name != "id"]
    # Nested values arrive as text.
    values = {name: f"s.{name}::{kind}" for name, kind in typed}
    connection.execute(
        f"""merge into {table} t using {staged} s on t.id = s.id
            when matched and s._change_type = 'delete' then delete
            when matched then update set {", ".join(f"{name} = {values[name]}" for name in others)}
            when not matched and s._change_type <> 'delete' then
              insert (id, {", ".join(others)}) values (s.id, {", ".join(values[name] for name in others)})"""
    )


def load_cdf() -> str:
    """deltalake's change feed, DuckDB's CSV, COPY."""
    feed = DeltaTable(folder).load_cdf(starting_version=version, ending_version=version)  # noqa: F841, read by DuckDB
    with tempfile.TemporaryDirectory() as scratch, psycopg.connect(url) as connection:
        names = [name for name, _ in columns(connection)]
        path = os.path.join(scratch, "changes.csv")
        duckdb.sql("set timezone = 'UTC'")
        duckdb.sql(
            f"""copy (select {", ".join(names)}, _change_type from (
                        select * replace (to_json(tags) as tags, to_json(address) as address) from feed where {LAST[0]}
                       qualify row_number() over ({LAST[1]}) = 1))
                to '{path}' (format csv, header false)"""
        )
        connection.execute(f"create temp table staged as select *, null::text as _change_type from {table} limit 0")
        with open(path, "rb") as rows, connection.cursor().copy("copy staged from stdin (format csv)") as copy:
            while block := rows.read(1 << 18):
                copy.write(block)
        connection.execute("analyze staged")
        merge(connection, "staged")
    return importlib.metadata.version("deltalake")


def spark_feed() -> str:
    """Spark's change feed, written by JDBC."""
    feed = (
        spark.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", version)
        .option("endingVersion", version)
        .load(folder)
    )
    feed.createOrReplaceTempView("feed")
    with psycopg.connect(url, autocommit=True) as connection:
        staged = f"{table}_staged"
        names = [name for name, _ in columns(connection)]
        chosen = ", ".join({"tags": "to_json(tags) as tags", "address": "to_json(address) as address"}.get(n, n) for n in names)
        last = spark.sql(
            f"""select {chosen}, _change_type from (
                  select *, row_number() over ({LAST[1]}) as nth from feed where {LAST[0]}) where nth = 1"""
        )
        write(last, url, staged, partitions=os.cpu_count() or 1, keeps=False)
        connection.execute(f"analyze {staged}")
        merge(connection, staged)
        connection.execute(f"drop table {staged}")
    return spark.version


if tool == "spark":
    from spark_session import open_spark, write

    spark = open_spark()
    # Its first job compiles and starts much that later ones have.
    spark.read.format("delta").load(folder).limit(1).count()
started, used = time.perf_counter(), processor_seconds()
found = {"cdf": load_cdf, "spark": spark_feed}[tool]()
print(json.dumps({"seconds": time.perf_counter() - started, "processor_seconds": processor_seconds() - used, "version": found}))
