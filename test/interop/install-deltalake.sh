#!/bin/sh
# Makes a virtual environment with deltalake in FOLDER, unless it is there, and says where its Python is.
# usage: test/interop/install-deltalake.sh FOLDER
set -eu
deltalake=1.6.6
pyarrow=26.0.1
folder=$1
if ! "$folder/bin/python" -c "import importlib.metadata as m; assert m.version('deltalake') == '$deltalake' and m.version('pyarrow') == '$pyarrow'" 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "deltalake==$deltalake" "pyarrow==$pyarrow" >&2
fi
echo "$folder/bin/python"
