#!/bin/sh
# Size of the built program and how much is in it. Builds nothing; `just size` does both.
set -eu
cd "$(dirname "$0")/.."
program="${CARGO_TARGET_DIR:-target}/release/permitwatch"
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
stripped="$(mktemp)"
strip -o "$stripped" "$program"
echo "program         $(mib "$(stat -c %s "$program")"), $(mib "$(stat -c %s "$stripped")") stripped"
rm -f "$stripped"
size -A "$program" | awk '$1 ~ /^\.(text|rodata|data\.rel\.ro|eh_frame|gcc_except_table)$/ { printf "  %-20s %6.1f MiB\n", $1, $2 / 1048576 }'
crates() { cargo tree --edges "$1" --prefix none --format '{p}' | sed 's/ (\*)$//; s/ (proc-macro)//' | sort -u | grep -vc '^permitwatch '; }
direct="$(cargo tree --edges normal --depth 1 --prefix none --format '{p}' | sort -u | grep -vc '^permitwatch ')"
echo "dependencies    $direct direct, $(crates normal) in the program, $(crates normal,build) to build it, $(crates normal,build,dev) with tests and benchmarks"
echo "own code        $(find src -name '*.rs' | xargs cat | wc -l) lines of Rust in src"
