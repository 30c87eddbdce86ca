#!/bin/bash
# DuckDB from PyPI, in an environment of its own. Usage: install.sh HOME
set -euo pipefail
python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
"$1/bin/python" -c 'import duckdb; print("DuckDB", duckdb.__version__)'
