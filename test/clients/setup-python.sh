#!/bin/sh
# Makes the Python that the discord.py tests run with: python3 -m venv with test/clients/requirements.txt.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/../../node_modules/.cache/guildhall/python"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
