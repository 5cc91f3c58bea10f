#!/bin/sh
# Makes a virtual environment with kubernetes-validate, which brings the schemas of Kubernetes along, in FOLDER, unless it is
# there, and says where its program is.
# usage: test/interop/install-kubernetes-validate.sh FOLDER
set -eu
version=1.37.0
folder=$1
if ! "$folder/bin/python" -c "import importlib.metadata as m; assert m.version('kubernetes-validate') == '$version'" 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "kubernetes-validate==$version" >&2
fi
echo "$folder/bin/kubernetes-validate"
