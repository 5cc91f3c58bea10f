-- Changes of users, in any order, become current rows (SCD type 1) and histories (SCD type 2).

-- The newest row of each user; deleted users are gone.
CREATE OR REFRESH STREAMING TABLE users_current;

APPLY CHANGES INTO live.users_current
FROM stream(lake.cdc_data.users)
KEYS (userId)
APPLY AS DELETE WHEN operation = "DELETE"
SEQUENCE BY sequenceNum
COLUMNS * EXCEPT (operation, sequenceNum)
STORED AS SCD TYPE 1;

-- The same with a TRUNCATE at 3, which takes away what is older: only user 125 has a newer row.
CREATE OR REFRESH STREAMING TABLE users_truncated;

APPLY CHANGES INTO live.users_truncated
FROM stream(lake.cdc_data.users_with_truncate)
KEYS (userId)
APPLY AS DELETE WHEN operation = "DELETE"
APPLY AS TRUNCATE WHEN operation = "TRUNCATE"
SEQUENCE BY sequenceNum
COLUMNS * EXCEPT (operation, sequenceNum)
STORED AS SCD TYPE 1;

-- Every state of each user, with the sequence numbers between which it held.
CREATE OR REFRESH STREAMING TABLE users_history;

CREATE FLOW users_history_flow AS AUTO CDC INTO users_history
FROM stream(lake.cdc_data.users)
KEYS (userId)
APPLY AS DELETE WHEN operation = "DELETE"
SEQUENCE BY sequenceNum
COLUMNS * EXCEPT (operation, sequenceNum)
STORED AS SCD TYPE 2;

-- A new city is no new state: it replaces the city of the state at hand. Table and flow in one statement.
CREATE OR REFRESH STREAMING TABLE users_history_but_city
FLOW AUTO CDC
FROM stream(lake.cdc_data.users)
KEYS (userId)
APPLY AS DELETE WHEN operation = "DELETE"
SEQUENCE BY sequenceNum
COLUMNS * EXCEPT (operation, sequenceNum)
STORED AS SCD TYPE 2
TRACK HISTORY ON * EXCEPT (city);
