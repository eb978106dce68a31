#!/usr/bin/env python3
"""Appends lines that are durable before they count: `ledger.py DIRECTORY LINES chain|sqlite`.

chain     a file, each line with the hash of all before it, one fdatasync for 256 lines
sqlite    a table, one commit (WAL, synchronous = FULL) for 256 lines"""
import hashlib
import os
import sqlite3
import sys
import time

DIRECTORY, LINES, KIND, GROUP = sys.argv[1], int(sys.argv[2]), sys.argv[3], 256


def line(number):
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    if number % 2 == 0:
        return f"tried\t{number // 2}\t1\t{at}"
    return f"sent\t{number // 2}\t1\t{at}\t\t1\tabcdefghijklmnopqrst@\t250 2.0.0 Ok: queued"


if KIND == "chain":
    file = os.open(os.path.join(DIRECTORY, "peer.ledger"), os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)
    tag, group = b"", []
    for number in range(LINES):
        text = line(number).encode()
        tag = hashlib.sha256(tag + text).digest()
        group.append(text + b"\t" + tag[:16].hex().encode() + b"\n")
        if len(group) == GROUP or number == LINES - 1:
            os.write(file, b"".join(group))
            os.fdatasync(file)
            group.clear()
else:
    path = os.path.join(DIRECTORY, "peer.sqlite")
    for old in (path, path + "-wal", path + "-shm"):
        if os.path.exists(old):
            os.unlink(old)
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA synchronous = FULL")
    base.execute("CREATE TABLE ledger (number INTEGER PRIMARY KEY, line TEXT)")
    for first in range(0, LINES, GROUP):
        base.execute("BEGIN")
        base.executemany("INSERT INTO ledger VALUES (?, ?)",
                         ((number, line(number)) for number in range(first, min(first + GROUP, LINES))))
        base.execute("COMMIT")
print(f'{{"count": {LINES}}}')
