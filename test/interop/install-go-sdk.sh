#!/bin/sh
# Builds the program of go-sdk/ (the Databricks Go SDK, and the commands of the CLI over it) into FOLDER, and says where
# it is. Needs Go; the first build compiles the SDK, which takes some minutes.
# usage: test/interop/install-go-sdk.sh FOLDER
set -eu
program=$1/go-sdk
mkdir -p "$1"
cd "$(dirname "$0")/go-sdk"
CGO_ENABLED=0 go build -p 2 -trimpath -o "$program" . >&2
echo "$program"
