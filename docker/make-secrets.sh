#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet, in the folder ./secrets or the one named: passwords of letters and
# digits, which need no escaping in a URL. Only you may enter the folder; the files can be read in the containers, by other
# users than you.
set -eu
folder="${1:-$(dirname "$0")/secrets}"
mkdir -p "$folder"
chmod 700 "$folder"
for name in postgres-password sidecar-password first-token; do
  [ -s "$folder/$name" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$folder/$name"
  chmod 644 "$folder/$name"
done
echo "The secrets are in $folder."
