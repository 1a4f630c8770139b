#!/bin/sh
# Makes the Python that `npm run fuzz` runs schemathesis with: python3 -m venv with test/fuzz/requirements.txt.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/../../node_modules/.cache/guildhall/schemathesis"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
