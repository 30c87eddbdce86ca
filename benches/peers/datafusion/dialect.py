"""permitwatch's functions and calendars for a plain DataFusion session, vectorised."""

import datetime

import datafusion
import numpy
import pyarrow as pa

DAY, MONTH, INSTANT = "datetime64[D]", "datetime64[M]", "datetime64[us]"
TIERS = ["info", "weak", "medium", "strong"]


def numbers(array, dtype):
    """An Arrow array as NumPy values and the mask of its nulls."""
    nulls = numpy.asarray(array.is_null())
    filled = array.fill_null(datetime.date(1970, 1, 1) if dtype == DAY else 0) if array.null_count else array
    return numpy.asarray(filled).astype(dtype), nulls


def add_months(days, count):
    day, no_day = numbers(days, DAY)
    more, no_count = numbers(count, "int64")
    month = day.astype(MONTH)
    target = month + more
    last = (target + 1).astype(DAY) - numpy.timedelta64(1, "D")
    moved = numpy.minimum(target.astype(DAY) + (day - month.astype(DAY)), last)
    return pa.array(moved, type=pa.date32(), mask=no_day | no_count)


def month_of(days):
    day, nulls = numbers(days, DAY)
    return pa.array(day.astype(MONTH).astype(DAY), type=pa.date32(), mask=nulls)


def agi_complete(days):
    day, nulls = numbers(days, DAY)
    complete = (day.astype(MONTH) + 2).astype(DAY) + numpy.timedelta64(6, "D")
    return pa.array(complete.astype(INSTANT), type=pa.timestamp("us"), mask=nulls)


def severity(ranks):
    return pa.array([None if rank is None else TIERS[min(3, max(0, rank))] for rank in ranks.to_pylist()], type=pa.string())


def severity_rank(names):
    ranks = {name: rank for rank, name in enumerate(TIERS)}
    return pa.array([ranks.get(name) for name in names.to_pylist()], type=pa.int64())


def months():
    month = numpy.arange("2015-01", "2061-01", dtype=MONTH)
    return pa.table({
        "month": pa.array(month.astype(DAY), type=pa.date32()),
        "next_month": pa.array((month + 1).astype(DAY), type=pa.date32()),
        "complete_at": pa.array(((month + 2).astype(DAY) + 6).astype(INSTANT), type=pa.timestamp("us")),
    })


def days():
    return pa.table({"day": pa.array(numpy.arange("2015-01-01", "2061-01-01", dtype=DAY), type=pa.date32())})


def functions():
    date, instant, whole, text = pa.date32(), pa.timestamp("us"), pa.int64(), pa.string()
    return [
        datafusion.udf(add_months, [date, whole], date, "immutable", "add_months"),
        datafusion.udf(month_of, [date], date, "immutable", "month_of"),
        datafusion.udf(agi_complete, [date], instant, "immutable", "agi_complete"),
        datafusion.udf(severity, [whole], text, "immutable", "severity"),
        datafusion.udf(severity_rank, [text], whole, "immutable", "severity_rank"),
    ]
