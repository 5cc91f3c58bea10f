"""Runs SQL statements with Spark, as a SQL warehouse would: one JSON text a line comes in, one goes out for each.

    python spark_statements.py FOLDER

Keeps its tables and files below FOLDER. An answer has columns, each with a name and a type, and rows whose values are texts; or an error.
Needs pyspark, delta-spark and Java 17; Delta's jars come from Maven Central, or are those that SPARK_JARS names.
"""

import json
import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

folder = Path(sys.argv[1])
builder = (
    SparkSession.builder.master("local[1]")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
    # A zone that is not UTC, as the user of a warehouse may have set.
    .config("spark.sql.session.timeZone", "Europe/Berlin")
    .config("spark.sql.ansi.enabled", "true")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.databricks.delta.snapshotPartitions", "1")
    .config("spark.ui.enabled", "false")
    # The tables are tiny: compiling code for them takes far longer than running it.
    .config("spark.sql.codegen.wholeStage", "false")
    .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    .config("spark.driver.extraJavaOptions", f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dderby.system.home={folder}")
)
if os.environ.get("SPARK_JARS"):
    spark = builder.config("spark.jars", os.environ["SPARK_JARS"]).getOrCreate()
else:
    from delta import configure_spark_with_delta_pip

    spark = configure_spark_with_delta_pip(builder).getOrCreate()
spark.sparkContext.setLogLevel("OFF")


def text(value):
    """A value as the API of a warehouse writes it, of the types that are asked for: texts, and what describes tables."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def run(statement):
    try:
        found = spark.sql(statement)
        columns = [[field.name, field.dataType.simpleString()] for field in found.schema.fields]
        return {"columns": columns, "rows": [[text(value) for value in row] for row in found.collect()]}
    except Exception as error:
        message = str(error)
        start = message.find("[")
        return {"error": (message[start:] if 0 <= start < 200 else message).split("\n")[0]}


print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps(run(json.loads(line)), ensure_ascii=False), flush=True)
