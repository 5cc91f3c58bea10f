"""Writes the table of bench:compare with the deltalake package: write_table.py FOLDER ROWS"""

import sys

import duckdb
from deltalake import write_deltalake

folder, rows = sys.argv[1], int(sys.argv[2])
ROWS_PER_FILE = 1_000_000

for first in range(0, rows, ROWS_PER_FILE):
    last = min(first + ROWS_PER_FILE, rows)
    batch = duckdb.sql(f"""
        select i as id,
               'customer ' || (i * 7919 % 1000003) as name,
               'user' || i || '@example.com' as email,
               (i * 0.37)::double as score,
               (i % 1000000 * 1.01)::decimal(18, 2) as balance,
               (i % 5000)::integer as visits,
               i % 3 = 0 as is_active,
               date '2015-01-01' + (i % 4000)::integer as signup_date,
               timestamp '2024-01-01' + to_microseconds(i * 1000003 % 31536000000000) as last_seen_local,
               timestamptz '2024-01-01 00:00:00+00' + to_microseconds(i * 1000003 % 31536000000000) as last_seen
          from range({first}, {last}) r(i)""").to_arrow_table()
    write_deltalake(folder, batch, mode="append" if first else "error")
