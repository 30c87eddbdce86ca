#!/usr/bin/env python3
"""Runs a SQL script in DuckDB and prints the rows of its last statement as sorted NDJSON.

The script is complete (functions, tables, views, question): the program writes it, this file only asks another engine.
Usage: run.py SCRIPT.sql. Needs the duckdb package.
"""

import datetime
import json
import sys

import duckdb


def plain(value):
    """Dates and instants as the program's own NDJSON shows them."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: run.py SCRIPT.sql")
    with open(sys.argv[1], encoding="utf-8") as script:
        *before, question = duckdb.extract_statements(script.read())
    connection = duckdb.connect()
    for statement in before:
        connection.execute(statement)
    answer = connection.execute(question)
    names = [column[0] for column in answer.description]
    rows = [{name: plain(value) for name, value in zip(names, row)} for row in answer.fetchall()]
    for line in sorted(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows):
        print(line)


if __name__ == "__main__":
    main()
