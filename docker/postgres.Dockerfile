# PostgreSQL 18 with the extension databricks_auth on its disk, so that CREATE EXTENSION finds it.
# Any other PostgreSQL 15 or newer does as well: `synced-tables migrate` installs the same objects by plain SQL.
# Build from the repository's root: docker build -f docker/postgres.Dockerfile -t synced-tables-postgres .

ARG POSTGRES_IMAGE=postgres:18.6
FROM ${POSTGRES_IMAGE}
COPY sql/databricks_auth /tmp/databricks_auth
# Extension files are the *.control file and the scripts beside it named <extension>--<version>.sql. A loop and not COPY with
# a pattern, since only pg_config knows where they belong.
RUN set -eu; \
  target="$(pg_config --sharedir)/extension"; \
  find /tmp/databricks_auth -type f \( -name '*.control' -o -name '*--*.sql' \) -exec install -m 0644 -t "$target" {} +; \
  rm -r /tmp/databricks_auth
