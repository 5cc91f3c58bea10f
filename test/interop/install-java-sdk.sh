#!/bin/sh
# Compiles the program of java-sdk/ over the Databricks Java SDK into FOLDER, and says its class path. Needs a JDK and Maven.
# usage: test/interop/install-java-sdk.sh FOLDER
set -eu
folder=$1
source=$(cd "$(dirname "$0")/java-sdk" && pwd)
mkdir -p "$folder"
if ! cmp -s "$source/pom.xml" "$folder/pom.xml"; then
  rm -rf "$folder/lib"
  mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/lib" >&2
  cp "$source/pom.xml" "$folder/pom.xml"
fi
javac -cp "$folder/lib/*" -d "$folder" "$source/JavaSdk.java" >&2
echo "$folder:$folder/lib/*"
