"""Loads a Delta table into an empty Postgres table with one of the tools that people would use instead, then makes the key
and gathers statistics: load.py TOOL DELTA_FOLDER POSTGRES_URL TABLE

Prints one line of JSON: seconds on the clock, processor seconds of this process and its children, and the tool's version.
Imports are not timed, since a program that loads many tables imports once.
"""

import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import threading
import time

import psycopg
from deltalake import DeltaTable

from processor_time import processor_seconds

tool, folder, url, table = sys.argv[1:5]


def batches():
    """The rows as Arrow record batches, read in a stream."""
    return DeltaTable(folder).to_pyarrow_dataset().scanner().to_reader()


def duckdb_csv() -> str:
    """DuckDB writes CSV into a pipe, from which COPY reads."""
    import duckdb

    files = DeltaTable(folder).file_uris()
    with tempfile.TemporaryDirectory() as scratch:
        pipe = os.path.join(scratch, "rows.csv")
        os.mkfifo(pipe)
        writer = threading.Thread(
            target=lambda: duckdb.sql("set timezone = 'UTC'")
            or duckdb.sql(f"copy (select * from read_parquet({files!r})) to '{pipe}' (format csv, header false)")
        )
        writer.start()
        with psycopg.connect(url) as connection, open(pipe, "rb") as rows:
            with connection.cursor().copy(f"copy {table} from stdin (format csv)") as copy:
                while block := rows.read(1 << 18):
                    copy.write(block)
        writer.join()
    return importlib.metadata.version("duckdb")


def adbc() -> str:
    """Arrow's database connectivity: binary COPY made in C."""
    import adbc_driver_postgresql.dbapi

    schema, name = table.split(".")
    with adbc_driver_postgresql.dbapi.connect(url) as connection:
        with connection.cursor() as cursor:
            cursor.adbc_ingest(name, batches(), mode="append", db_schema_name=schema)
        connection.commit()
    return importlib.metadata.version("adbc-driver-postgresql")


def psycopg_binary() -> str:
    """Rows as Python objects into a binary COPY."""
    others = ["text", "text", "float8", "numeric", "int4", "bool", "date", "timestamp", "timestamptz"]
    columns = len(DeltaTable(folder).schema().fields)
    types = ["int8", *others * ((columns - 1) // len(others))]
    with psycopg.connect(url) as connection:
        with connection.cursor().copy(f"copy {table} from stdin (format binary)") as copy:
            copy.set_types(types)
            for batch in batches():
                for row in zip(*(column.to_pylist() for column in batch.columns)):
                    copy.write_row(row)
    return importlib.metadata.version("psycopg")


def dlt_csv() -> str:
    """dlt with the fastest file format that it has for Postgres; it makes the table itself."""
    import dlt

    schema, name = table.split(".")
    with tempfile.TemporaryDirectory() as scratch:
        pipeline = dlt.pipeline("compare", destination=dlt.destinations.postgres(url), dataset_name=schema, pipelines_dir=scratch)
        resource_of_rows = dlt.resource((batch for batch in batches()), name=name, write_disposition="replace")
        pipeline.run(resource_of_rows, loader_file_format="csv")
    return importlib.metadata.version("dlt")


def spark_jdbc() -> str:
    """Spark on all cores, many rows in one INSERT; its start is not timed."""
    write(spark.read.format("delta").load(folder), url, table, partitions=os.cpu_count() or 1)
    return spark.version


load = {"duckdb": duckdb_csv, "adbc": adbc, "psycopg": psycopg_binary, "dlt": dlt_csv, "spark": spark_jdbc}[tool]
if tool == "spark":
    from spark_session import open_spark, write

    spark = open_spark()
for module in {"duckdb": ["duckdb"], "adbc": ["adbc_driver_postgresql.dbapi"], "dlt": ["dlt"]}.get(tool, []):
    importlib.import_module(module)
started, used = time.perf_counter(), processor_seconds()
version = load()
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute(f"alter table {table} add primary key (id)")
    connection.execute(f"analyze {table}")
print(json.dumps({"seconds": time.perf_counter() - started, "processor_seconds": processor_seconds() - used, "version": version}))
