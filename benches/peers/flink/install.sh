#!/bin/bash
# Flink's jars out of the PyPI package (no Maven, no cluster) and our job compiled against them. Usage: install.sh HOME
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
version=2.3.0
java -version 2>&1 | grep -q '"17' || { echo "needs Java 17: apt-get install openjdk-17-jdk-headless" >&2; exit 1; }
if [ ! -e "$1/lib/flink-dist-$version.jar" ]; then
    mkdir -p "$1/wheel"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$1/wheel" "apache-flink-libraries==$version"
    python3 - "$1" <<'PY'
import glob, os, shutil, sys, zipfile
home = sys.argv[1]
with zipfile.ZipFile(glob.glob(home + "/wheel/*.whl")[0]) as wheel:
    os.makedirs(home + "/lib", exist_ok=True)
    for name in wheel.namelist():
        if name.startswith("pyflink/lib/") and name.endswith(".jar"):
            with wheel.open(name) as jar, open(os.path.join(home, "lib", os.path.basename(name)), "wb") as out:
                shutil.copyfileobj(jar, out)
PY
    rm -r "$1/wheel"
fi
mkdir -p "$1/classes"
javac -nowarn -cp "$1/lib/*" -d "$1/classes" "$here/Peer.java"
echo "Apache Flink $version, $(java -version 2>&1 | head -1)"
