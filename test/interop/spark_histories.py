"""Writes random histories of Delta tables with Spark, and the rows that Spark reads back from each of their versions.

    python spark_histories.py FOLDER COUNT COMMITS SEED

FOLDER/hN is a table, FOLDER/hN.json tells its properties, FOLDER/hN.expected/V.jsonl has its rows at version V.
Needs pyspark, delta-spark and Java 17; Delta's jars come from Maven Central.
"""

import json
import random
import sys
from pathlib import Path

from delta import DeltaTable, configure_spark_with_delta_pip
from pyspark.sql import SparkSession

folder, count, commits, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])

spark = configure_spark_with_delta_pip(
    SparkSession.builder.master("local[1]")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.databricks.delta.snapshotPartitions", "1")
    .config("spark.databricks.delta.schema.autoMerge.enabled", "false")
    .config("spark.ui.enabled", "false")
    # The tables are tiny: compiling code for them takes far longer than running it.
    .config("spark.sql.codegen.wholeStage", "false")
    .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    .config("spark.sql.adaptive.enabled", "false")
    .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")


class History:
    def __init__(self, number: int):
        self.random = random.Random(seed * 1000 + number)
        self.path = str(folder / f"h{number}")
        self.table = f"delta.`{self.path}`"
        self.next_id = 0
        self.next_column = 0
        self.log = []
        self.properties = {
            "delta.enableChangeDataFeed": self.flag(0.7),
            "delta.enableDeletionVectors": self.flag(0.5),
            "delta.enableTypeWidening": "true",
            "delta.columnMapping.mode": self.random.choice(["none", "name"]),
        }
        self.partitioned = self.random.random() < 0.5

    def flag(self, probability: float) -> str:
        return "true" if self.random.random() < probability else "false"

    def create(self) -> None:
        properties = ", ".join(f"'{name}' = '{value}'" for name, value in self.properties.items())
        spark.sql(
            f"""create table {self.table} (id bigint, v int, name string, part string, d decimal(10,2), s struct<m: int>)
                using delta {"partitioned by (part)" if self.partitioned else ""} tblproperties ({properties})"""
        )
        self.insert()

    def rows(self, rows: int, part: str | None = None) -> str:
        """SELECT of new rows; columns that were added since are null or a number."""
        first = self.next_id
        self.next_id += rows
        salt = self.random.randrange(10_000)
        place = f"'{part}'" if part else "element_at(array('a', 'b c', 'd/e'), cast(id % 3 as int) + 1)"
        columns = {
            "id": "id", "v": f"cast(if(id % 11 = 0, null, id + {salt}) as int)", "name": f"concat('n\\\\n\"', id, '-{salt}')",
            "part": place, "d": f"cast(id + {salt} / 100 as decimal(10,2))",
        }
        schema = spark.table(self.table).schema
        select = []
        for field in schema.fields:
            if field.name == "s":
                members = ", ".join(f"'{m.name}', cast(id + {salt} as {m.dataType.simpleString()})" for m in field.dataType.fields)
                select.append(f"named_struct({members}) as s")
            else:
                value = columns.get(field.name, f"id + {salt}")
                select.append(f"cast({value} as {field.dataType.simpleString()}) as {field.name}")
        return f"select {', '.join(select)} from range({first}, {first + rows})"

    def insert(self) -> None:
        spark.sql(f"insert into {self.table} {self.rows(self.random.randrange(5, 40))}")

    def some(self) -> str:
        return f"id % {self.random.choice([2, 3, 5, 7])} = {self.random.randrange(2)}"

    def update(self) -> None:
        spark.sql(f"update {self.table} set v = v + 1, s = null where {self.some()}")

    def delete(self) -> None:
        spark.sql(f"delete from {self.table} where {self.some()} and {self.some()}")

    def merge(self) -> None:
        names = [field.name for field in spark.table(self.table).schema.fields]
        source = self.rows(self.random.randrange(1, 10))
        old = f"select {', '.join('id' if n == 'id' else n for n in names)} from {self.table} where {self.some()}"
        values = ", ".join(f"{name} = u.{name}" for name in names if name not in ("id", "v"))
        spark.sql(
            f"""merge into {self.table} t using ({source} union all {old}) u on t.id = u.id
                when matched and {self.some().replace("id", "t.id")} then delete
                when matched then update set v = 7, {values}
                when not matched then insert *"""
        )

    def overwrite(self) -> None:
        spark.sql(self.rows(self.random.randrange(1, 30))).write.format("delta").mode("overwrite").save(self.path)

    def replace_where(self) -> None:
        rows = spark.sql(self.rows(self.random.randrange(1, 10), part="a"))
        rows.write.format("delta").mode("overwrite").option("replaceWhere", "part = 'a'").save(self.path)

    def optimize(self) -> None:
        spark.sql(f"optimize {self.table}")

    def purge(self) -> None:
        spark.sql(f"reorg table {self.table} apply (purge)")

    def restore(self) -> None:
        version = self.random.randrange(1, self.version() + 1)
        spark.sql(f"restore table {self.table} to version as of {version}")

    def add_column(self) -> None:
        self.next_column += 1
        where = self.random.choice(["", "s."])
        spark.sql(f"alter table {self.table} add columns ({where}c{self.next_column} int)")

    def widen(self) -> None:
        spark.sql(f"alter table {self.table} alter column v type bigint")

    def version(self) -> int:
        return DeltaTable.forPath(spark, self.path).history(1).first()["version"]

    def step(self) -> None:
        ways = [self.insert, self.update, self.delete, self.merge, self.merge, self.overwrite, self.replace_where,
                self.optimize, self.purge, self.restore, self.add_column, self.widen]
        way = self.random.choice(ways)
        before = self.version()
        try:
            way()
        except Exception as error:  # Spark refuses some of them, such as a restore across type changes
            self.log.append(f"{way.__name__} refused: {str(error).splitlines()[0][:120]}")
            return
        for version in range(before + 1, self.version() + 1):
            self.log.append(f"{version}: {way.__name__}")

    def expect(self) -> None:
        expected = Path(f"{self.path}.expected")
        expected.mkdir()
        for version in range(1, self.version() + 1):
            rows = spark.read.format("delta").option("versionAsOf", version).load(self.path)
            texts = rows.selectExpr("to_json(struct(*), map('ignoreNullFields', 'false')) as row").collect()
            (expected / f"{version}.jsonl").write_text("".join(f"{text.row}\n" for text in texts))
        about = {"properties": self.properties, "partitioned": self.partitioned, "log": self.log, "version": self.version()}
        Path(f"{self.path}.json").write_text(json.dumps(about))


folder.mkdir(parents=True, exist_ok=True)
for number in range(count):
    history = History(number)
    history.create()
    while history.version() < commits:
        history.step()
    history.expect()
    print(f"history {number}: {history.version()} versions", flush=True)
