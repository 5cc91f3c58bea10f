"""Writes the table of bench:compare with the deltalake package: write_table.py FOLDER ROWS [TIMES]

The columns after the key come so many times, under numbered names.
"""

import sys

import duckdb
from deltalake import write_deltalake

folder, rows = sys.argv[1], int(sys.argv[2])
times = int(sys.argv[3]) if len(sys.argv) > 3 else 1
ROWS_PER_FILE = 1_000_000
COLUMNS = {
    "name": "'customer ' || (i * 7919 % 1000003)",
    "email": "'user' || i || '@example.com'",
    "score": "(i * 0.37)::double",
    "balance": "(i % 1000000 * 1.01)::decimal(18, 2)",
    "visits": "(i % 5000)::integer",
    "is_active": "i % 3 = 0",
    "signup_date": "date '2015-01-01' + (i % 4000)::integer",
    "last_seen_local": "timestamp '2024-01-01' + to_microseconds(i * 1000003 % 31536000000000)",
    "last_seen": "timestamptz '2024-01-01 00:00:00+00' + to_microseconds(i * 1000003 % 31536000000000)",
}
others = ",\n".join(
    f"{value} as {name if n == 1 else f'{name}_{n}'}" for n in range(1, times + 1) for name, value in COLUMNS.items()
)

for first in range(0, rows, ROWS_PER_FILE):
    last = min(first + ROWS_PER_FILE, rows)
    batch = duckdb.sql(f"""
        select i as id,
               {others}
          from range({first}, {last}) r(i)""").to_arrow_table()
    write_deltalake(folder, batch, mode="append" if first else "error")
