"""Reads Delta tables with deltalake.

    python public_tables.py TABLES OUT

For each folder TABLES/NAME that holds a table: OUT/NAME.jsonl with a JSON array of cells a line, as
test/fixtures/expected_rows.py writes them; or OUT/NAME.error, which says why deltalake does not read it.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

sys.path.append(str(Path(__file__).resolve().parents[1] / "fixtures"))
from expected_rows import arrow_rows, finite  # noqa: E402


def read(folder: Path):
    """Batches of the rows of a table, its columns in the order of its schema."""
    table = DeltaTable(folder)
    if '"variant"' in table.schema().to_json():
        raise ValueError("deltalake hands variants over in their binary form")
    names = ", ".join('"' + field.name.replace('"', '""') + '"' for field in table.schema().fields)
    rows = QueryBuilder().register("t", table).execute(f"select {names} from t")
    for batch in rows:
        yield pa.Table.from_batches([pa.record_batch(batch)])


def write(folder: Path, out: Path) -> None:
    with out.open("w") as file:
        for batch in read(folder):
            for row in arrow_rows(batch):
                file.write(json.dumps(finite(row), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    tables, out = Path(sys.argv[1]), Path(sys.argv[2])
    for folder in sorted(tables.iterdir()):
        file = out / f"{folder.name}.jsonl"
        try:
            write(folder, file)
        except Exception as error:  # also the errors of Rust, which have no class of their own
            file.unlink(missing_ok=True)
            (out / f"{folder.name}.error").write_text(f"{type(error).__name__}: {error}".split("\n")[0])
