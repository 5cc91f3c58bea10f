#!/bin/sh
# Builds uc-server, an open-source Unity Catalog server in Rust, from its crate into FOLDER, unless it is there, and says
# where the program is. The build needs Rust and takes a long quarter of an hour on two cores.
# usage: test/interop/install-unity-catalog.sh FOLDER
set -eu
version=0.0.11
program=$1/bin/uc-server
if ! "$program" --version >/dev/null 2>&1; then
  cargo install olai-uc-server --version "$version" --features bin --locked --debug --root "$1" --target-dir "$1/target" -j 2 >&2
  rm -rf "$1/target"
fi
echo "$program"
