#!/bin/sh
# Makes a virtual environment with the Databricks SDK in FOLDER, unless it is there, and says where its Python is.
# usage: test/interop/install-python-sdk.sh FOLDER
set -eu
version=0.162.0
folder=$1
if ! "$folder/bin/python" -c "import importlib.metadata as m; assert m.version('databricks-sdk') == '$version'" 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "databricks-sdk==$version" >&2
fi
echo "$folder/bin/python"
