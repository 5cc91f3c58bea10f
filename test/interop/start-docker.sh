#!/bin/bash
# Starts a Docker engine where none runs, and makes stand-ins for the base images where no registry of images can be reached:
# Debian by debootstrap, with this machine's Node, and with Debian's PostgreSQL behind an entry point like the official one's.
# Needs root and Debian packages. Says what to set. End the engine with: kill "$(cat FOLDER/pid)".
# usage: eval "$(test/interop/start-docker.sh FOLDER)"
set -euo pipefail
folder=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$folder"

if ! docker info > /dev/null 2>&1; then
  export DOCKER_HOST="unix://$folder/docker.sock"
  if ! docker info > /dev/null 2>&1; then
    [ -x /usr/sbin/dockerd ] || apt-get install --yes --no-install-recommends docker.io docker-compose >&2
    nohup dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "$DOCKER_HOST" \
      > "$folder/log" 2>&1 < /dev/null &
    for _ in $(seq 60); do docker info > /dev/null 2>&1 && break; sleep 1; done
    docker info > /dev/null || { tail -5 "$folder/log" >&2; exit 1; }
  fi
  echo "export DOCKER_HOST=$DOCKER_HOST"
fi

# Whose word this machine takes for the registries, build containers take too.
trusted=/etc/ssl/certs/ca-certificates.crt
system() { # NAME PACKAGES: a Debian in $folder/NAME
  [ -x /usr/sbin/debootstrap ] || apt-get install --yes --no-install-recommends debootstrap >&2
  [ -e "$folder/$1/.made" ] || {
    rm -rf "${folder:?}/$1"
    debootstrap --variant=minbase --include="$2" bookworm "$folder/$1" >&2
    cp "$trusted" "$folder/$1$trusted"
    rm -rf "$folder/$1"/var/cache/apt/archives/*.deb "$folder/$1"/var/lib/apt/lists/*
    touch "$folder/$1/.made"
  }
}
if ! docker image inspect synced-tables-test-node > /dev/null 2>&1; then
  system node ca-certificates
  install -D "$(command -v node)" "$folder/node/usr/local/bin/node"
  mkdir -p "$folder/node/usr/local/lib/node_modules"
  cp -rL "$(npm root --global)/npm" "$folder/node/usr/local/lib/node_modules/"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$folder/node/usr/local/bin/npm"
  tar -C "$folder/node" -c . | docker import --change "ENV NODE_EXTRA_CA_CERTS=$trusted" - synced-tables-test-node >&2
fi
if ! docker image inspect synced-tables-test-postgres > /dev/null 2>&1; then
  system postgres ca-certificates,postgresql
  install -m 755 "$here/postgres-entrypoint.sh" "$folder/postgres/usr/local/bin/"
  tar -C "$folder/postgres" -c . | docker import --change 'ENTRYPOINT ["postgres-entrypoint.sh"]' \
    --change 'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'VOLUME /var/lib/postgresql' - synced-tables-test-postgres >&2
fi
echo 'export NODE_IMAGE=synced-tables-test-node POSTGRES_IMAGE=synced-tables-test-postgres'
