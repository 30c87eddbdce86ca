#!/usr/bin/env python3
"""The obvious design: per micro-batch gather the rows of the persons that it touches, plan the SQL anew, run it, compare.

Usage: run.py SCRIPT.sql PARQUET_DIR MESSAGES ANSWERS [--batch N] [--rate R --paced N]

The SQL is the script of `permitwatch sql`: the same views, rules and standing query. A micro-batch looks at the persons with
new records, those whose records name an entity that changed, and those whose deadline has passed. Records come from
Parquet, sorted by the time they became known: no JSON is parsed here. With --rate the last N messages arrive at R a
second, and a micro-batch takes what has arrived: latency is from the arrival of a person's last record to the end of the
micro-batch that changed the person's alerts.
"""

import argparse
import heapq
import json
import os
import re
import sys
import time

import datafusion
import numpy
import pyarrow as pa
import pyarrow.parquet

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import dialect
import script

REFERENCE = {"employers", "employer_months", "institutions", "terms", "clocks"}
NAMES_EMPLOYER = {"permit_employers": "employer_id", "payments": "payer_id"}


class Table:
    """A recorded table, sorted by person and known time, so that a person's rows are one range."""

    def __init__(self, path, persons):
        table = pyarrow.parquet.read_table(path)
        self.known = table["known_time"].to_numpy().astype("datetime64[us]").astype("int64")
        if persons is None:
            order = numpy.argsort(self.known, kind="stable")
            self.person = None
        else:
            codes = persons.codes(table["person_id"])
            order = numpy.lexsort((self.known, codes))
            self.person = codes[order]
        self.known = self.known[order]
        self.rows = table.take(pa.array(order)).combine_chunks()

    def gather(self, people, until):
        """The rows of `people` (sorted codes) that were known by `until`."""
        if self.person is None:
            return self.rows.slice(0, int(numpy.searchsorted(self.known, until, side="right")))
        first = numpy.searchsorted(self.person, people, side="left")
        count = numpy.searchsorted(self.person, people, side="right") - first
        starts = numpy.repeat(first - numpy.concatenate(([0], numpy.cumsum(count)[:-1])), count)
        at = starts + numpy.arange(int(count.sum()))
        return self.rows.take(pa.array(at[self.known[at] <= until]))


class Persons:
    """Person identifiers as codes, over all tables."""

    def __init__(self, columns):
        self.names = pa.chunked_array([chunk for column in columns for chunk in column.chunks]).unique()

    def codes(self, column):
        return numpy.asarray(pa.compute.index_in(column, self.names).to_numpy(), dtype="int64")


class Engine:
    def __init__(self, text, directory):
        self.parts = [part for part in script.needed(script.statements(text)) if not part.startswith(("SET", "CREATE MACRO"))]
        self.as_of = re.search(r"h\.alert_at <= (TIMESTAMP '[^']+')", text).group(1)
        names = [part.split()[2][:-len("_file")] for part in self.parts if "read_parquet" in part]
        paths = {name: os.path.join(directory, name + ".parquet") for name in names}
        persons = [pyarrow.parquet.read_table(path, columns=["person_id"])["person_id"]
                   for name, path in paths.items() if name not in REFERENCE]
        self.persons = Persons(persons)
        self.tables = {name: Table(path, None if name in REFERENCE else self.persons) for name, path in paths.items()}
        self.permit_holders = numpy.unique(numpy.concatenate(
            [self.tables[name].person for name in ("permits", "statuses", "permit_employers", "applications") if name in self.tables]))
        inserts = [part for part in self.parts if part.startswith("INSERT INTO parameters")]
        self.parameters = self.read_parameters(inserts)
        skipped = ("INSERT INTO parameters", "CREATE TABLE parameters", "CREATE TABLE months", "CREATE TABLE days", "CREATE TABLE standing_set")
        self.parts = [part for part in self.parts[:-1] if not part.startswith(skipped) and "read_parquet" not in part]
        self.functions = dialect.functions()
        self.standing, self.seen, self.deadlines, self.changes, self.calls = {}, {}, [], 0, 0

    @staticmethod
    def read_parameters(inserts):
        rows = [re.findall(r"'([^']*)'|\b(NULL)\b|\b(\d+)\)", part.split("VALUES", 1)[1]) for part in inserts]
        date = lambda cell: None if cell[1] else numpy.datetime64(cell[0], "D").item()
        return pa.table({"name": pa.array([row[0][0] for row in rows], pa.string()),
                         "valid_from": pa.array([date(row[1]) for row in rows], pa.date32()),
                         "valid_to": pa.array([date(row[2]) for row in rows], pa.date32()),
                         "value": pa.array([int(row[3][2]) for row in rows], pa.int64())})

    def session(self):
        settings = {"datafusion.execution.target_partitions": "1", "datafusion.sql_parser.default_null_ordering": "nulls_last",
                    "datafusion.sql_parser.parse_float_as_decimal": "true", "datafusion.sql_parser.map_string_types_to_utf8view": "false",
                    "datafusion.execution.collect_statistics": "false"}
        context = datafusion.SessionContext(datafusion.SessionConfig(settings))
        for function in self.functions:
            context.register_udf(function)
        context.from_arrow(dialect.months(), "months")
        context.from_arrow(dialect.days(), "days")
        context.from_arrow(self.parameters, "parameters")
        return context

    def touched(self, after, until):
        """Who has to be looked at after the records of (after, until]."""
        people = [table.person[(table.known > after) & (table.known <= until)] for table in self.tables.values() if table.person is not None]
        changed = [table.rows["employer_id"].to_numpy(zero_copy_only=False)[(table.known > after) & (table.known <= until)]
                   for name, table in self.tables.items() if name in ("employers", "employer_months")]
        changed = pa.array(numpy.unique(numpy.concatenate(changed).astype(str))) if changed else pa.array([], pa.string())
        if len(changed):
            for name, column in NAMES_EMPLOYER.items():
                if name in self.tables:
                    table = self.tables[name]
                    named = numpy.asarray(pa.compute.is_in(table.rows[column], changed)) & (table.known <= until)
                    people.append(table.person[named])
        people = numpy.intersect1d(numpy.concatenate(people), self.permit_holders)
        due = []
        while self.deadlines and self.deadlines[0][0] <= until:
            due.append(heapq.heappop(self.deadlines)[1])
        return numpy.union1d(people, numpy.array(due, dtype="int64")).astype("int64")

    def evaluate(self, people, until):
        """Plans and runs everything for `people` as of `until`; the persons whose alerts changed."""
        if len(people) == 0:
            return []
        self.calls += 1
        instant = "TIMESTAMP '" + str(numpy.datetime64(int(until), "us")).replace("T", " ") + "'"
        context = self.session()
        for name, table in self.tables.items():
            context.from_arrow(table.gather(people, until), name + "_file")
        found, wakes = {}, []
        for part in self.parts:
            text = part.replace(self.as_of, instant)
            if text.startswith("INSERT INTO standing_set"):
                rule = re.match(r"INSERT INTO standing_set SELECT '([^']+)'", text).group(1)
                for batch in context.sql(text.split("standing_set ", 1)[1]).collect():
                    for row in zip(*(column.to_pylist() for column in batch.columns)):
                        found.setdefault(row[1], set()).add((rule, row[2], row[3]))
                wakes.append("SELECT person_id, alert_at AS wake FROM hits UNION ALL SELECT person_id, cleared_at FROM hits")
                self.wake(context, wakes[-1], instant)
            else:
                context.sql(text).collect()
        self.wake(context, "SELECT person_id, from_at AS wake FROM cancellers UNION ALL SELECT person_id, to_at FROM cancellers", instant)
        return self.compare(people, found)

    def wake(self, context, rows, instant):
        question = f"SELECT person_id, min(wake) AS wake FROM ({rows}) w WHERE wake > {instant} GROUP BY person_id"
        for batch in context.sql(question).collect():
            codes = self.persons.codes(pa.chunked_array([batch.column(0).cast(pa.string())]))
            times = batch.column(1).cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_pylist()
            for code, at in zip(codes.tolist(), times):
                heapq.heappush(self.deadlines, (at, code))

    def compare(self, people, found):
        changed = []
        for code, name in zip(people.tolist(), self.persons.names.take(pa.array(people)).to_pylist()):
            now = found.get(name, set())
            before = self.standing.get(code, set())
            if now != before:
                self.changes += len(now ^ before)
                self.standing[code] = now
                changed.append(code)
        return changed


def arrivals(engine):
    """The known times of all rows, in order: row i is message i of the stream."""
    return numpy.sort(numpy.concatenate([table.known for table in engine.tables.values()]), kind="stable")


def all_at_once(engine, known, batch):
    after, at = -(2 ** 62), 0
    while at < len(known):
        until = known[min(at + batch, len(known)) - 1]
        engine.evaluate(engine.touched(after, until), until)
        after, at = until, int(numpy.searchsorted(known, until, side="right"))


def paced(engine, known, rate, count):
    """The last `count` rows at `rate` a second; latencies in ms of the persons whose alerts changed."""
    start = max(0, len(known) - count)
    after = known[start]
    engine.evaluate(engine.touched(-(2 ** 62), after), after)
    start = int(numpy.searchsorted(known, after, side="right"))
    latencies, at, begun = [], start, time.monotonic()
    while at < len(known):
        arrived = min(len(known), start + int((time.monotonic() - begun) * rate))
        if arrived <= at:
            time.sleep(0.001)
            continue
        until = known[arrived - 1]
        changed = engine.evaluate(engine.touched(after, until), until)
        done = time.monotonic() - begun
        for code in changed:
            last = max((int(t.known[(t.person == code) & (t.known > after) & (t.known <= until)].max(initial=-1))
                        for t in engine.tables.values() if t.person is not None))
            if last >= 0:
                row = numpy.searchsorted(known, last, side="right")
                latencies.append(max(0.0, (done - (row - start) / rate) * 1000))
        after, at = until, int(numpy.searchsorted(known, until, side="right"))
    return latencies, (len(known) - start) / (time.monotonic() - begun)


def main():
    options = argparse.ArgumentParser()
    for name in ("script", "directory", "answers"):
        options.add_argument(name)
    options.add_argument("--batch", type=int, default=20000)
    options.add_argument("--rate", type=float)
    options.add_argument("--paced", type=int, default=20000)
    args = options.parse_args()
    started = time.monotonic()
    with open(args.script, encoding="utf-8") as file:
        engine = Engine(file.read(), args.directory)
    known = arrivals(engine)
    result = {"system": "DataFusion re-planned per micro-batch", "version": datafusion.__version__,
              "settings": f"target_partitions 1, Parquet, {args.batch} records a micro-batch"}
    if args.rate:
        latencies, reached = paced(engine, known, args.rate, args.paced)
        result["rate"], result["reached"] = args.rate, round(reached, 1)
        result["latency_ms"] = [round(float(q), 1) for q in numpy.quantile(latencies, [0.5, 0.99])] if latencies else None
        result["alerts_timed"] = len(latencies)
    else:
        all_at_once(engine, known, args.batch)
    with open(args.answers, "w", encoding="utf-8") as file:
        for row in sorted(row for rows in engine.standing.values() for row in rows):
            file.write("\t".join(row) + "\n")
    result.update(rows=len(known), calls=engine.calls, changes=engine.changes, seconds_inside=round(time.monotonic() - started, 3))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
