#!/usr/bin/env python3
"""One batch query over the Parquet files: the script of `permitwatch sql`, cut to what the asked rules need.

Usage: run.py SCRIPT.sql ANSWERS. Prints one line of JSON; the answers are lines `rule<TAB>permit<TAB>alert_key`.
"""

import json
import os
import sys
import time

import duckdb

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import script


def main():
    started = time.monotonic()
    with open(sys.argv[1], encoding="utf-8") as file:
        parts = script.needed(script.statements(file.read()))
    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    for part in parts[:-1]:
        connection.execute(part)
    rows = connection.execute(parts[-1]).fetchall()
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        for rule, permit, key, _severity in rows:
            file.write(f"{rule}\t{permit}\t{key}\n")
    print(json.dumps({"system": "DuckDB", "version": duckdb.__version__, "settings": "threads 2, Parquet, in memory",
                      "seconds_inside": round(time.monotonic() - started, 3)}))


if __name__ == "__main__":
    main()
