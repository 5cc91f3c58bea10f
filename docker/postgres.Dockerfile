# PostgreSQL 18 with the extension databricks_auth on its disk, so that CREATE EXTENSION finds it.
# Any other PostgreSQL 15 or newer does as well: `synced-tables migrate` installs the same objects by plain SQL.
# Build from the repository's root: docker build -f docker/postgres.Dockerfile -t synced-tables-postgres .

FROM postgres:18.6
COPY sql /tmp/sql
# Extension files are the *.control files of sql/ and the scripts beside them named <extension>--<version>.sql. A loop
# and not COPY with a pattern, since COPY fails when the pattern matches nothing.
RUN set -eu; \
  target="$(pg_config --sharedir)/extension"; \
  find /tmp/sql -type f \( -name '*.control' -o -name '*--*.sql' \) -exec install -m 0644 -t "$target" {} +; \
  rm -r /tmp/sql
