"""The batch script that `permitwatch sql` prints, cut to the statements that the standing set really needs.

The program prints tables and links for every rule that may come; a peer that is asked a few rules need not build them.
"""

import re

CREATES = re.compile(r"^CREATE (?:OR REPLACE )?(TABLE|VIEW|MACRO) (\w+)", re.IGNORECASE)
WORDS = re.compile(r"\w+")


def statements(text):
    """The statements of the script without comments; each ends in a semicolon at the end of a line."""
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    parts = re.split(r";[ \t]*(?=\n|$)", plain)
    return [part.strip() for part in parts if part.strip()]


def needed(parts):
    """Those of `parts` on which the last one depends, in their order."""
    keep, wanted = [], set()
    for part in reversed(parts):
        created = CREATES.match(part)
        inserted = re.match(r"^INSERT INTO (\w+)", part)
        dropped = re.match(r"^DROP TABLE (\w+)", part)
        if dropped:
            continue   # the process ends soon; what would be dropped is rarely built
        if created and created.group(2) not in wanted:
            continue
        if inserted and inserted.group(1) not in wanted:
            continue
        keep.append(part)
        if created and "OR REPLACE" not in part[:30]:
            wanted.discard(created.group(2))
        wanted.update(WORDS.findall(part[created.end():] if created else part))
    return keep[::-1]
