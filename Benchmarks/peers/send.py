#!/usr/bin/env python3
"""Sends every row its message over verified STARTTLS, and writes who got it: `send.py TABLE PORT CA LIBRARY BUILDER [PROCESSES]`.

LIBRARY is smtplib (one connection), aiosmtplib (ten) or uvloop (aiosmtplib on uvloop)."""
import asyncio
import csv
import os
import smtplib
import ssl
import sys

import letters

TABLE, PORT, CA, LIBRARY, BUILDER = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
PROCESSES = int(sys.argv[6]) if len(sys.argv) > 6 else 1
CONNECTIONS = 10
build = letters.BUILDERS[BUILDER]
trust = ssl.create_default_context(cafile=CA)
trust.minimum_version = ssl.TLSVersion.TLSv1_2


def with_smtplib(rows, results):
    with smtplib.SMTP("localhost", PORT) as server:
        server.starttls(context=trust)
        for row in rows:
            server.sendmail(letters.SENDER, [row["email"]], build(row))
            results.writerow([row["reference"], row["email"], "sent"])


async def with_aiosmtplib(rows, results):
    import aiosmtplib

    async def connection():
        server = aiosmtplib.SMTP(hostname="localhost", port=PORT, start_tls=True, tls_context=trust)
        await server.connect()
        for row in rows:
            _, answer = await server.sendmail(letters.SENDER, [row["email"]], build(row))
            results.writerow([row["reference"], row["email"], "sent", answer])
        await server.quit()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS // PROCESSES)))


def work(part):
    rows = (row for i, row in enumerate(letters.rows(TABLE)) if i % PROCESSES == part)
    with open(f"{TABLE}.results.{part}", "w", newline="", encoding="utf-8") as file:
        results = csv.writer(file)
        if LIBRARY == "smtplib":
            with_smtplib(rows, results)
        elif LIBRARY == "uvloop":
            import uvloop
            uvloop.run(with_aiosmtplib(rows, results))
        else:
            asyncio.run(with_aiosmtplib(rows, results))


children = []
for part in range(1, PROCESSES):
    child = os.fork()
    if child == 0:
        work(part)
        os._exit(0)
    children.append(child)
work(0)
sys.exit(max([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], default=0))
