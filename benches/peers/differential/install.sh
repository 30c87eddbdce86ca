#!/bin/bash
# differential dataflow from crates.io, with our dataflow. Usage: install.sh HOME
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
CARGO_TARGET_DIR="${PEERS_CARGO_TARGET:-$1/target}" cargo build --release --quiet --locked --manifest-path "$here/Cargo.toml"
mkdir -p "$1"
cp "${PEERS_CARGO_TARGET:-$1/target}/release/peer-differential" "$1/peer-differential"
echo "differential-dataflow 0.26.0"
