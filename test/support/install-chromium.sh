#!/bin/sh
# The browser that the tests of the console drive, from Debian. Without it they are skipped.
set -eu
apt-get update
apt-get install --yes --no-install-recommends chromium-headless-shell
