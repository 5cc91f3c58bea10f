"""Reads tables of a sharing server with the client of Delta Sharing: sharing_client.py PROFILE FOLDER JOB...

A job is NAME=share.schema.table, with @FROM-TO for the changes of these versions; a name that begins with "delta" is read in that
format, all others in Delta Sharing's own. Each becomes FOLDER/NAME.parquet.
"""

import sys

import delta_sharing

profile, folder, *jobs = sys.argv[1:]
for job in jobs:
    name, table = job.split("=")
    table, _, versions = table.partition("@")
    url = f"{profile}#{table}"
    is_delta = name.startswith("delta")
    if versions:
        first, last = map(int, versions.split("-"))
        rows = delta_sharing.load_table_changes_as_pandas(
            url, starting_version=first, ending_version=last, use_delta_format=is_delta
        )
    else:
        rows = delta_sharing.load_as_pandas(url, use_delta_format=is_delta)
    rows.to_parquet(f"{folder}/{name}.parquet")
client = delta_sharing.SharingClient(profile)
share = client.list_shares()[0]
tables = [table for schema in client.list_schemas(share) for table in client.list_tables(schema)]
print("\n".join(f"{table.share}.{table.schema}.{table.name}" for table in tables))
