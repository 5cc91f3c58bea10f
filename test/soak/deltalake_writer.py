"""Writes Delta tables for soak.mjs: a commit for every line of JSON that it reads, answered with the new version.

    python deltalake_writer.py LAKE
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

LAKE = Path(sys.argv[1])
SCHEMA = pa.schema([
    pa.field("id", pa.int64()),
    pa.field("v", pa.int64()),
    pa.field("batch", pa.int64()),
    pa.field("filler", pa.string()),
])
COLUMNS = SCHEMA.names


def arrow(rows) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def merge(table: DeltaTable, rows, gone) -> None:
    source = arrow(rows + [{"id": number} for number in gone])
    is_gone = pa.array([False] * len(rows) + [True] * len(gone))
    assignments = {column: f"s.{column}" for column in COLUMNS}
    (
        table.merge(
            source.append_column("gone", is_gone),
            predicate="t.id = s.id",
            source_alias="s",
            target_alias="t",
        )
        .when_matched_delete("s.gone")
        .when_matched_update(assignments)
        .when_not_matched_insert(assignments, "not s.gone")
        .execute()
    )


def commit(request) -> int:
    folder = LAKE.joinpath(*request["table"].split("."))
    if request["op"] == "create":
        write_deltalake(folder, arrow(request["rows"]), configuration={"delta.enableChangeDataFeed": "true"})
        return 0
    table = DeltaTable(folder)
    match request["op"]:
        case "insert":
            write_deltalake(table, arrow(request["rows"]), mode="append")
        case "merge":
            merge(table, request["rows"], request["gone"])
        case "delete":
            table.delete(f"batch = {request['batch']}")
        case "optimize":
            table.optimize.compact()
        case "checkpoint":
            table.create_checkpoint()
    return DeltaTable(folder).version()


for line in sys.stdin:
    print(commit(json.loads(line)), flush=True)
