#!/bin/sh
# Makes a virtual environment with the Python client of Delta Sharing in FOLDER, unless it is there, and says where its Python is.
# usage: test/interop/install-delta-sharing.sh FOLDER
set -eu
delta_sharing=1.4.2
wrapper=0.3.3
folder=$1
if ! "$folder/bin/python" -c "import importlib.metadata as m; assert m.version('delta-sharing') == '$delta_sharing'" 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "delta-sharing==$delta_sharing" "delta-kernel-rust-sharing-wrapper==$wrapper" >&2
fi
echo "$folder/bin/python"
