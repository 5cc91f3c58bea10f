#!/bin/sh
# Builds the `databricks` CLI from its Go module into FOLDER, unless it is there, and says where the program is. The
# build needs Go and takes about ten minutes on two cores.
# usage: test/interop/install-databricks-cli.sh FOLDER
set -eu
version=v1.13.0
program=$1/databricks-$version
if ! "$program" --version >/dev/null 2>&1; then
  mkdir -p "$1"
  # The program is named after its module; CGO off, for it needs no C compiler.
  GOBIN=$1 CGO_ENABLED=0 go install -p 2 -trimpath -ldflags='-s -w' "github.com/databricks/cli@$version" >&2
  mv "$1/cli" "$program"
fi
echo "$program"
