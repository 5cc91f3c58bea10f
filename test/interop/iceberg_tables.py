"""Writes Iceberg tables with PyIceberg, and what PyIceberg reads from them.

    python iceberg_tables.py OUT

OUT/lake/ice/NAME is a table; OUT/read/NAME/SEQUENCE.parquet are its rows at the snapshot of that sequence number, and
OUT/read/NAME/current.parquet those of the newest state. UUIDs are texts there.
"""

import sys
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

out = Path(sys.argv[1])
(out / "lake" / "ice").mkdir(parents=True)
catalog = SqlCatalog("local", uri=f"sqlite:///{out}/catalog.db", warehouse=f"file://{out}/warehouse")
catalog.create_namespace("ice")


def create(name, schema, spec=PartitionSpec(), **properties):
    location = f"file://{out}/lake/ice/{name}"
    return catalog.create_table(f"ice.{name}", schema, location, spec, properties=properties)


def readable(table):
    """UUIDs have no type that all readers of Parquet agree on."""

    def plain(column):
        if not isinstance(column.type, pa.BaseExtensionType):
            return column
        texts = [None if cell is None else str(cell) for cell in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])

    return pa.table([plain(column) for column in table.columns], names=table.column_names)


def put_down(table):
    folder = out / "read" / table.name()[-1]
    folder.mkdir(parents=True)
    for snapshot in table.metadata.snapshots:
        rows = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()
        pq.write_table(readable(rows), folder / f"{snapshot.sequence_number}.parquet")
    pq.write_table(readable(table.scan().to_arrow()), folder / "current.parquet")


def arrow(table, rows):
    return pa.Table.from_pylist(rows, schema=table.schema().as_arrow())


def all_types():
    schema = Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(2, "flag", BooleanType()),
        NestedField(3, "i", IntegerType()),
        NestedField(4, "f", FloatType()),
        NestedField(5, "d", DoubleType()),
        NestedField(6, "small", DecimalType(9, 2)),
        NestedField(7, "large", DecimalType(38, 10)),
        NestedField(8, "day", DateType()),
        NestedField(9, "clock", TimeType()),
        NestedField(10, "at", TimestampType()),
        NestedField(11, "instant", TimestamptzType()),
        NestedField(12, "text", StringType()),
        NestedField(13, "who", UUIDType()),
        NestedField(14, "five", FixedType(5)),
        NestedField(15, "raw", BinaryType()),
        NestedField(16, "list", ListType(17, LongType(), element_required=False)),
        NestedField(18, "map", MapType(19, StringType(), 20, DecimalType(5, 1), value_required=False)),
        NestedField(
            21,
            "struct",
            StructType(
                NestedField(22, "a", IntegerType()),
                NestedField(23, "deep", StructType(NestedField(24, "b", StringType()), NestedField(25, "c", DateType()))),
            ),
        ),
    )
    table = create("all_types", schema)
    rows = [{"id": 0}]
    for n in range(1, 200):
        instant = datetime(1900 + n, 1 + n % 12, 1 + n % 28, n % 24, n % 60, 59, n * 1001, timezone.utc)
        rows.append(
            {
                "id": n * 2**53 + n,
                "flag": n % 2 == 0,
                "i": -(n**3),
                "f": n / 7,
                "d": float("nan") if n == 5 else n / 13,
                "small": Decimal(n * 1001 - 99999).scaleb(-2),
                "large": Decimal((n - 100) * 10**25 + n).scaleb(-10),
                "day": date(1, 1, 1) + timedelta(days=n * 10_000),
                "clock": time(n % 24, n % 60, n % 60, n * 5000),
                "at": instant.replace(tzinfo=None),
                "instant": instant,
                "text": None if n % 9 == 0 else f"text {n} – ü\n\t" * (n % 3),
                "who": uuid.UUID(int=n * 10**30).bytes,
                "five": n.to_bytes(5, "little"),
                "raw": bytes(range(n % 5)),
                "list": None if n % 4 == 0 else [n, None, -n][: n % 4],
                "map": {f"k{k}": Decimal(k * n).scaleb(-1) for k in range(n % 3)},
                "struct": None if n % 5 == 0 else {"a": n, "deep": None if n % 3 == 0 else {"b": f"b{n}", "c": date(2000, 1, 1)}},
            }
        )
    table.append(arrow(table, rows[:100]))
    table.append(arrow(table, rows[100:]))
    table.delete("i < -1000000")
    table.delete("flag = true and i < -100000")
    put_down(table)


def partitions_that_change():
    schema = Schema(
        NestedField(1, "id", LongType()),
        NestedField(2, "region", StringType()),
        NestedField(3, "at", TimestampType()),
        NestedField(4, "amount", DecimalType(12, 3)),
    )
    spec = PartitionSpec(
        PartitionField(2, 1000, IdentityTransform(), "region"), PartitionField(3, 1001, DayTransform(), "at_day")
    )
    table = create("partitions_that_change", schema, spec, **{"write.avro.compression-codec": "zstd"})

    def rows(start, count):
        return arrow(
            table,
            [
                {
                    "id": n,
                    "region": [None, "eu", "us west", "a/b=c"][n % 4],
                    "at": datetime(2024, 1, 1) + timedelta(hours=n * 7),
                    "amount": Decimal(n).scaleb(-3),
                }
                for n in range(start, start + count)
            ],
        )

    table.append(rows(0, 60))
    with table.update_spec() as update:
        update.remove_field("at_day")
        update.add_field("id", BucketTransform(4), "id_bucket")
    table.append(rows(60, 60))
    with table.update_spec() as update:
        update.remove_field("region")
        update.add_field("amount", TruncateTransform(10), "amount_cut")
    table.append(rows(120, 60))
    table.delete("id >= 50 and id < 70")
    table.overwrite(rows(500, 5), overwrite_filter="region = 'eu'")
    put_down(table)


def columns_that_change():
    schema = Schema(
        NestedField(1, "id", IntegerType()),
        NestedField(2, "a", FloatType()),
        NestedField(3, "b", StringType()),
        NestedField(4, "s", StructType(NestedField(5, "x", IntegerType()), NestedField(6, "y", StringType()))),
        NestedField(7, "price", DecimalType(5, 2)),
    )
    table = create("columns_that_change", schema, **{"write.avro.compression-codec": "snappy"})
    rows = [{"id": n, "a": n / 4, "b": f"b{n}", "s": {"x": n, "y": f"y{n}"}, "price": Decimal(n)} for n in range(20)]
    table.append(arrow(table, rows))
    with table.update_schema() as update:
        update.rename_column("b", "c")
        update.rename_column("s.y", "z")
    with table.update_schema() as update:
        update.update_column("id", LongType())
        update.update_column("a", DoubleType())
        update.update_column("price", DecimalType(9, 2))
        update.add_column("b", LongType(), doc="another b")
        update.add_column(("s", "y"), LongType())
        update.move_first("price")
    table.append(
        arrow(
            table,
            [
                {"id": 2**40 + n, "a": n / 3, "c": f"c{n}", "s": {"x": n, "z": "z", "y": n}, "price": Decimal(n), "b": n}
                for n in range(20)
            ],
        )
    )
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("c")
        update.delete_column("s.x")
    table.delete("id = 3")
    table.upsert(arrow(table, [{"id": n, "a": -1.0, "price": Decimal(7)} for n in (5, 6, 10_000)]), join_cols=["id"])
    put_down(table)


def files_of_others():
    """Files without field ids, found by the name mapping that PyIceberg adds."""
    table = create(
        "files_of_others",
        Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType())),
        **{"write.metadata.compression-codec": "gzip"},
    )
    for n in range(3):
        path = out / "lake" / "ice" / "files_of_others" / f"given{n}.parquet"
        pq.write_table(pa.table({"name": [f"n{n}", None], "id": [n, n + 100]}), path)
        table.add_files([f"file://{path}"])
    with table.update_schema() as update:
        update.rename_column("name", "title")
    table.append(arrow(table, [{"id": 1000, "title": "own"}]))
    put_down(table)


all_types()
partitions_that_change()
columns_that_change()
files_of_others()
