"""Runs a SELECT over the rows of another one, and writes its values as a SQL warehouse gives them: texts and nulls.

usage: spark_select.py FOLDER, which holds rows.sql and, once there is one, asked.sql. Writes columns.json, and rows.json.
"""

import json
import pathlib
import sys

from pyspark.sql import SparkSession

folder = pathlib.Path(sys.argv[1])
# A zone that is not UTC, as the user of a warehouse may have set.
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "Europe/Berlin")
    .config("spark.sql.ansi.enabled", "true")
    .getOrCreate()
)
spark.sql((folder / "rows.sql").read_text()).createOrReplaceTempView("rows")
columns = [[field.name, field.dataType.simpleString()] for field in spark.table("rows").schema.fields]
(folder / "columns.json").write_text(json.dumps(columns))
asked = folder / "asked.sql"
if asked.exists():
    found = [[None if value is None else str(value) for value in row] for row in spark.sql(asked.read_text()).collect()]
    (folder / "rows.json").write_text(json.dumps(found, ensure_ascii=False))
