"""Reads a Delta table, and its change feed between two versions, into memory: read_log.py FOLDER FIRST LAST

Prints one line of JSON: the seconds of each.
"""

import json
import sys
import time

import pyarrow
from deltalake import DeltaTable

folder, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

started = time.perf_counter()
rows = DeltaTable(folder, version=last).to_pyarrow_table().num_rows
table = time.perf_counter() - started
started = time.perf_counter()
changes = pyarrow.RecordBatchReader.from_stream(DeltaTable(folder).load_cdf(starting_version=first, ending_version=last))
changed = sum(batch.num_rows for batch in changes)
feed = time.perf_counter() - started
print(json.dumps({"table": table, "feed": feed, "rows": rows, "changes": changed}))
