#!/bin/sh
# Makes a virtual environment with PyIceberg in FOLDER, unless it is there, and says where its Python is.
# usage: test/interop/install-pyiceberg.sh FOLDER
set -eu
pyiceberg=0.12.0
pyarrow=26.0.1
sqlalchemy=2.0.44
folder=$1
if ! "$folder/bin/python" -c "import importlib.metadata as m; assert m.version('pyiceberg') == '$pyiceberg' and m.version('pyarrow') == '$pyarrow'" 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "pyiceberg[pyiceberg-core,snappy]==$pyiceberg" "pyarrow==$pyarrow" "sqlalchemy==$sqlalchemy" >&2
fi
echo "$folder/bin/python"
