#!/bin/bash
# As much of the official image's entry point as compose.yaml needs, for a Debian with PostgreSQL: start-docker.sh puts it there.
set -euo pipefail
data=/var/lib/postgresql/data
if [ ! -e "$data/PG_VERSION" ]; then
  install -d -o postgres -g postgres -m 700 "$data"
  password=$(mktemp)
  cat "$POSTGRES_PASSWORD_FILE" > "$password"
  chown postgres "$password"
  su postgres -s /bin/bash -c "PATH=$PATH initdb --pgdata=$data --auth=scram-sha-256 --pwfile=$password --encoding=UTF8 --locale=C.UTF-8"
  rm "$password"
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
fi
install -d -o postgres -g postgres /var/run/postgresql
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$data" -c listen_addresses='*'
