#!/bin/bash
# The DataFusion wheel from PyPI, in an environment of its own. Usage: install.sh HOME
set -euo pipefail
python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check datafusion==55.0.0 pyarrow==26.0.1 numpy==2.4.6
"$1/bin/python" -c 'import datafusion; print("DataFusion", datafusion.__version__)'
