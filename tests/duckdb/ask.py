#!/usr/bin/env python3
"""Answers questions in DuckDB: each line of the input is one ({"look": number, "sql": text}), each line of the output its answer.

Usage: ask.py SCRIPT.sql...: each script sets up the database of one look, except for its last statement. An answer is
{"columns": [...], "rows": [[...]]} with every value as text or null, or {"error": text}. A question that takes a minute is given up
and shown. Needs the duckdb package.
"""

import datetime
import decimal
import json
import sys
import threading

import duckdb


MOST_SECONDS = 60


def plain(value):
    """Text of a value: numbers are marked, for they may be written in several ways; instants and days as the program shows them."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return "\x02number " + format(value, "f")
    if isinstance(value, (int, float)):
        return "\x02number " + str(value)
    if isinstance(value, list):
        return "[" + ", ".join((plain(item) or "").removeprefix("\x02number ") for item in value) + "]"
    return str(value)


def give_up(connection, sql):
    print(f"DuckDB is not done after {MOST_SECONDS} s with\n{sql}", file=sys.stderr, flush=True)
    connection.interrupt()


def main():
    looks = []
    for name in sys.argv[1:]:
        connection = duckdb.connect()
        # A question takes less time than the threads for it.
        connection.execute("SET threads = 1")
        with open(name, encoding="utf-8") as script:
            *before, _ = duckdb.extract_statements(script.read())
        for statement in before:
            connection.execute(statement)
        looks.append(connection)
    for line in sys.stdin:
        question = json.loads(line)
        connection = looks[question["look"]]
        limit = threading.Timer(MOST_SECONDS, give_up, [connection, question["sql"]])
        limit.start()
        try:
            answer = connection.execute(question["sql"])
            columns = [column[0] for column in answer.description]
            rows = [[plain(value) for value in row] for row in answer.fetchall()]
            told = {"columns": columns, "rows": rows}
        except Exception as error:  # whatever DuckDB refuses is an answer, too
            told = {"error": str(error)}
        finally:
            limit.cancel()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
