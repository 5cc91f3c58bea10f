"""Spark with Delta and PostgreSQL's JDBC driver, which come from Maven Central. Needs Java 17."""

from urllib.parse import unquote, urlsplit

from delta import configure_spark_with_delta_pip
from pyspark.sql import DataFrame, SparkSession

DRIVER = "org.postgresql:postgresql:42.7.4"
ROWS_AT_ONCE = 10_000


def open_spark() -> SparkSession:
    builder = (
        SparkSession.builder.master("local[*]")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "4g")
        # Their defaults are for clusters, and slow on one machine.
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.databricks.delta.snapshotPartitions", "4")
    )
    spark = configure_spark_with_delta_pip(builder, extra_packages=[DRIVER]).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def write(rows: DataFrame, url: str, table: str, partitions: int, keeps: bool = True) -> None:
    """Into a table that exists, whose columns have the names of the rows' (`keeps`), or into a new one."""
    place = urlsplit(url)
    (
        rows.repartition(partitions)
        .write.format("jdbc")
        .option("url", f"jdbc:postgresql://{place.hostname}:{place.port}{place.path}?reWriteBatchedInserts=true")
        .option("driver", "org.postgresql.Driver")
        .option("user", unquote(place.username or ""))
        .option("password", unquote(place.password or ""))
        .option("dbtable", table)
        .option("batchsize", ROWS_AT_ONCE)
        .option("truncate", "true")
        .mode("append" if keeps else "overwrite")
        .save()
    )
