#!/bin/sh
# Unpacks a Trino server into FOLDER, unless it is there, and says where it is. Needs Maven, which fetches it (0.8 GB), and
# leaves in place what the tests use.
# usage: test/interop/install-trino.sh FOLDER
set -eu
version=476
home=$1/trino-server-$version
if [ ! -x "$home/bin/launcher" ]; then
  mkdir -p "$1"
  mvn -q dependency:copy -Dartifact=io.trino:trino-server:$version:tar.gz -DoutputDirectory="$1" >&2
  tar -xzf "$1/trino-server-$version.tar.gz" -C "$1"
  rm "$1/trino-server-$version.tar.gz"
  for plugin in "$home"/plugin/*; do
    case $(basename "$plugin") in
      tpch | memory | delta-lake | geospatial | exchange-filesystem) ;;
      *) rm -r "$plugin" ;;
    esac
  done
fi
echo "$home"
