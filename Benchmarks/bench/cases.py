"""What is measured: groups of cases, ours first in each."""
import json
import os
import re
import shutil
import subprocess

from . import postfix
from .site import WARDPOST, job, messages, past, pixels, site, table
from .span import Span
from .tools import (HERE, LIMIT, PEER, PYTHON, ROOT, SINK, TRACKER, Failed, Measured, Usage, counting_syncs, end, listens,
                    run, start, work)

ROWS, RENDERED, LINES, SENT, SECONDS = 1_000_000, 100_000, 400_000, 20_000, 3
EVENTS = int(os.environ.get("EVENTS", 10_000_000))  # for the server's memory
JOBS = int(os.environ.get("JOBS", 1_000))  # for a month's report, of 1,000 rows each


def peer(name):
    return [PYTHON, os.path.join(HERE, "peers", name)]


class Case:
    """Something to run: `rounds` bounds how often the slow ones are."""

    def __init__(self, name, body, rounds=99):
        self.name, self.run, self.rounds = name, body, rounds


class Group:
    """Cases that do the same work; `unit` is what is counted."""

    def __init__(self, name, title, unit, prepare, cases):
        self.name, self.title, self.unit, self.prepare, self.cases = name, title, unit, prepare, cases


def rows(parts):
    folder = work("rows")

    def prepare():
        job(folder, ROWS)

    path = os.path.join(folder, "recipients.csv")
    return Group("rows", "rows checked, 1,000,000 rows of 120 bytes", "rows", prepare, [
        Case("Wardpost: digests, encoding, shape, address", lambda: run([parts, "rows", folder], ROWS)),
        Case("Python csv.reader, nothing checked", lambda: run([*peer("rows.py"), path, "plain"], ROWS)),
        Case("Python csv, digest, shape, address checked", lambda: run([*peer("rows.py"), path, "checked"], ROWS)),
    ])


def rendered(parts):
    folder = work("rendered")

    def prepare():
        job(folder, RENDERED)

    return Group("render", "messages rendered, 5 KB, HTML and text, six fields", "messages", prepare, [
        Case("Wardpost", lambda: run([parts, "render", folder], RENDERED)),
        Case("Python: jinja2, MIME by hand", lambda: run([*peer("render.py"), table(10_000), "hand"], 10_000)),
        Case("Python: jinja2, email.message", lambda: run([*peer("render.py"), table(1_500), "library"], 1_500), 5),
    ])


class Sink:
    """The sink, while something is sent to it; its figures go to the run's notes."""

    def __init__(self, *options):
        self.process = start([work("sink"), "-p", str(SINK), "-c", work("server.pem"), "-k", work("server.key"), "-s",
                              str(2 * LIMIT), *options], stdout=subprocess.PIPE)
        listens(SINK, self.process)

    def finish(self, usage):
        end(self.process)
        told = json.loads(self.process.stdout.read())
        if told["messages"] != usage.count:
            raise Failed(f"the sink counted {told['messages']} messages, not {usage.count}")
        told["connections"] -= 1  # the one that looked whether it listens
        if told["handshakes"] != told["connections"] or told["failures"]:
            raise Failed(f"the sink saw {told}")
        usage.note["sink"] = told
        return usage


def to_sink(command, count, prepare=None, options=(), runs=run):
    def body():
        words = command if prepare is None else [*command, *prepare()]
        sink = Sink(*options)
        try:
            return sink.finish(runs(words, count, stdout=subprocess.DEVNULL))
        finally:
            end(sink.process)
    return body


def queued(count, reuse):
    def body():
        # An answer in the same moment as the acknowledgement: Postfix waits for it else.
        sink = Sink(*(["-q"] if reuse else []))
        log = os.path.join(work("postfix"), "log")

        def counted():
            try:
                with open(log, errors="replace") as file:
                    return sum("status=sent" in line for line in file)
            except OSError:
                return 0

        try:
            return sink.finish(postfix.send(count, 4_900, reuse, counted))
        finally:
            end(sink.process)
    return body


def wardpost(count, options=(), runs=counting_syncs, **site_options):
    """A job of so many rows, from its CSV to signed results."""
    def prepare():
        return ["--site", site(count, **site_options), "send", "letters"]

    return to_sink([WARDPOST], count, prepare, options, runs=runs)


def spanned(command, count, **options):
    """As `counting_syncs`; and how long the job itself took, from the first opening of its CSV to the marker by its results."""
    with Span(work("site", "jobs", "letters"), "recipients.csv", "DONE") as span:
        usage = counting_syncs(command, count, **options)
    if span.seconds is None:
        raise Failed("the job was not seen to begin and to end")
    usage.note["job"] = span.seconds
    return usage


def several(times, body):
    """The same again and again, as one run: what is short has its chances evened out as what is long."""
    def bodies():
        runs = [body() for _ in range(times)]
        sinks = [run.note["sink"] for run in runs]
        told = {key: (max if key == "most" else sum)(sink[key] for sink in sinks) for key in sinks[0]}
        note = {key: sum(run.note[key] for run in runs) for key in runs[0].note if key != "sink"}
        return Usage(sum(run.count for run in runs), sum(run.wall for run in runs), sum(run.cpu for run in runs),
                     max(run.peak for run in runs), {"sink": told, **note})
    return bodies


def python(count, *words, options=()):
    return to_sink([*peer("send.py"), table(count), str(SINK), work("ca.pem"), *words], count, options=options)


def injector(count, mode, options=(), connections=10):
    return to_sink([work("source"), "-p", str(SINK), "-a", work("ca.pem"), "-f", work("message.eml"), "-n", str(count),
                    "-q", str(mode), "-c", str(connections)], count, options=options)


def one_message():
    with open(work("message.eml"), "wb") as file:
        file.write(next(messages(site(100), 1)))


def sent(parts):
    cases = [
        Case("Wardpost: from the CSV to signed results", wardpost(SENT)),
        Case("aiosmtplib, MIME by hand", python(5_000, "aiosmtplib", "hand")),
        Case("aiosmtplib, uvloop, 2 processes, MIME by hand", python(5_000, "uvloop", "hand", "2")),
        Case("aiosmtplib, email.message", python(1_500, "aiosmtplib", "library"), 5),
        Case("smtplib, MIME by hand", python(2_500, "smtplib", "hand"), 5),
        Case("smtplib, email.message", python(1_500, "smtplib", "library"), 5),
    ]
    if postfix.can_run():
        cases += [Case("Postfix, connections reused", queued(3_000, True), 3),
                  Case("Postfix, a connection for each", queued(3_000, False), 3)]
    cases.append(Case("the limit: a ready-made message, C", injector(5 * SENT, 1)))
    return Group("send", "messages sent over verified STARTTLS, 10 connections", "messages", one_message, cases)


def far(parts):
    """A relay that answers each group of commands after 20 ms: what counts is how much waits at a time."""
    late, chunks = ["-d", "20", "-n"], ["-d", "20"]
    return Group("far", "a relay that answers after 20 ms, 10 connections", "messages", one_message, [
        Case("Wardpost: envelopes overlapped", wardpost(6_000, late)),
        Case("the limit: C, envelopes overlapped", injector(6_000, 2, late)),
        Case("aiosmtplib, MIME by hand", python(600, "aiosmtplib", "hand", options=late), 3),
        Case("Wardpost: CHUNKING, window 8", wardpost(SENT, chunks, route="    window: 8\n")),
        Case("the limit: C, CHUNKING, window 8", injector(SENT, 3, chunks)),
    ])


def signed(parts):
    return Group("signed", "messages sent with DKIM signatures", "messages", lambda: None, [
        Case("Wardpost: not signed", wardpost(SENT // 2)),
        Case("Wardpost: RSA-2048", wardpost(SENT // 2, dkim=["rsa"])),
        Case("Wardpost: RSA-2048 and Ed25519", wardpost(SENT // 2, dkim=["rsa", "ed25519"])),
    ])


def grown(parts):
    return Group("grown", "jobs of growing size, 10 connections", "messages", lambda: None, [
        Case("Wardpost: 100,000 rows", wardpost(100_000, runs=spanned)),
        Case("Wardpost: ten jobs of 10,000 rows", several(10, wardpost(10_000, runs=spanned))),
        Case("Wardpost: 1,000,000 rows", wardpost(1_000_000, runs=spanned), 2),
    ])


def wide(parts):
    # Answers come late enough that every connection is wanted.
    return Group("wide", "1,000 connections at once", "messages", one_message, [
        Case("Wardpost", wardpost(40_000, ["-d", "250"], connections=1_000), 3),
        Case("the limit: C", injector(40_000, 2, ["-d", "250"], connections=1_000), 3),
    ])


def ledger(parts):
    folder = work("ledger")

    def prepare():
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)

    def python(count, kind):
        return lambda: run([*peer("ledger.py"), folder, str(count), kind], count)

    return Group("ledger", "ledger lines made durable", "lines", prepare, [
        Case("Wardpost", lambda: run([parts, "ledger", folder, str(LINES // 2)], LINES)),
        Case("Python: hash chain, 256 lines a sync", python(LINES // 2, "chain")),
        Case("Python: SQLite, 256 lines a commit", python(LINES // 2, "sqlite")),
    ])


LUA = """local paths = {%s}
local requests, at = {}, 0
init = function()
  -- Made once: the load's own work must not be what is measured.
  for index, path in ipairs(paths) do requests[index] = wrk.format("GET", path) end
end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
"""
NGINX = """daemon off;
worker_processes 1;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {log};
  keepalive_requests 1000000000;
  client_body_temp_path {home}/1; proxy_temp_path {home}/2; fastcgi_temp_path {home}/3;
  uwsgi_temp_path {home}/4; scgi_temp_path {home}/5;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    location / {{ empty_gif; }}
  }}
}}
"""


def fetch(port, seconds):
    """Lets wrk fetch pixels for some seconds; how many it got, and in which time."""
    text = subprocess.run(
        ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", work("pixels.lua"), "-H", "User-Agent: Mozilla/5.0",
         f"https://localhost:{port}"], capture_output=True, text=True, timeout=LIMIT).stdout
    count = re.search(r"(\d+) requests in ([\d.]+)(s|m)", text)
    if not count or "Non-2xx" in text or "Socket errors" in text:
        raise Failed(f"wrk: {text}")
    return int(count[1]), float(count[2]) * (60 if count[3] == "m" else 1)


def load(command, port, environment=None):
    """Runs a server under wrk for some seconds; its own CPU and memory."""
    measured = Measured(command, env={**os.environ, **(environment or {})})
    try:
        listens(port, measured.process)
        count, seconds = fetch(port, SECONDS)
    finally:
        end(measured.process)
    _, usage = measured.usage(count)
    usage.wall = seconds
    return usage


def trackable():
    path = site(500, "tracking: {opens: true, clicks: true}\n", tracking=True)
    with open(work("pixels.lua"), "w") as file:
        file.write(LUA % ", ".join(f'"{pixel}"' for pixel in pixels(path, 200)))


def tracked(parts):
    events = os.path.join(work("site"), "outbox", "events")

    def ours():
        usage = load([WARDPOST, "--site", work("site"), "serve"], TRACKER)
        usage.note["events"] = sum(line_count(os.path.join(events, name)) for name in os.listdir(events))
        for name in os.listdir(events):
            os.unlink(os.path.join(events, name))
        return usage

    def nginx(log):
        def body():
            home = work("nginx")
            shutil.rmtree(home, ignore_errors=True)
            os.makedirs(home)
            with open(os.path.join(home, "nginx.conf"), "w") as file:
                file.write(NGINX.format(home=home, port=PEER, certificate=work("server"), log=log.format(home=home)))
            return load(["nginx", "-c", os.path.join(home, "nginx.conf"), "-p", home], PEER)
        return body

    def uvicorn():
        path = work("events")
        if os.path.exists(path):
            os.unlink(path)
        return load([os.path.join(os.path.dirname(PYTHON), "uvicorn"), "--app-dir", os.path.join(HERE, "peers"),
                     "pixel:app", "--host", "127.0.0.1", "--port", str(PEER), "--loop", "uvloop", "--http", "httptools",
                     "--no-access-log", "--log-level", "critical", "--ssl-certfile", work("server.pem"),
                     "--ssl-keyfile", work("server.key")], PEER, {"EVENTS": path})

    return Group("track", "tracking requests over HTTPS, 64 connections", "requests", trackable, [
        Case("Wardpost: token opened, event durable", ours),
        Case("nginx empty_gif, buffered log", nginx("{home}/access.log combined buffer=64k flush=1s")),
        Case("nginx empty_gif, no log", nginx("off")),
        Case("uvicorn, event durable", uvicorn),
    ])


def endless(parts):
    """Millions of events through one server: what it holds must not grow with them."""
    events = os.path.join(work("site"), "outbox", "events")

    def resident(process):
        # `measure` has one child, the server.
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            child = file.read().split()[0]
        with open(f"/proc/{child}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def body():
        # About 350 bytes an event.
        if shutil.disk_usage(work()).free < 500 * EVENTS:
            raise Failed(f"there is no room for {EVENTS:,} events")
        measured = Measured([WARDPOST, "--site", work("site"), "serve"])
        step = min(1_000_000, max(1, EVENTS // 10))
        done, seconds, memory, pause = 0, 0.0, [], 1
        try:
            listens(TRACKER, measured.process)
            while done < EVENTS:
                count, wall = fetch(TRACKER, pause)
                pause = max(1, min(30, round(step * wall / count)))
                done, seconds = done + count, seconds + wall
                if done >= step * (len(memory) + 1):
                    memory.append((done, resident(measured.process)))
        finally:
            end(measured.process)
            kept = sum(line_count(os.path.join(events, name)) - 1 for name in os.listdir(events))
            for name in os.listdir(events):
                os.unlink(os.path.join(events, name))
        if kept < done:
            raise Failed(f"{done} requests were answered, {kept} events are there")
        _, usage = measured.usage(done)
        usage.wall = seconds
        usage.note["memory"] = memory
        return usage

    return Group("flat", f"{EVENTS:,} events through one server", "events", trackable, [Case("Wardpost", body, 1)])


def reported(parts):
    """A month of jobs whose ledgers, results and events are there; what makes them was written from docs/formats.md alone."""
    folder, month, count = work("past"), "2026-10", JOBS * 1_000
    report = [WARDPOST, "--site", folder, "report", "--period", month]

    def timed(command, prepare=lambda: None):
        def body():
            prepare()
            usage = run(command, count, stdout=subprocess.DEVNULL)
            usage.note["seconds"] = True
            return usage
        return body

    def without_index():
        for name in os.listdir(os.path.join(folder, "outbox")):
            if name.startswith("index.sqlite"):
                os.unlink(os.path.join(folder, "outbox", name))

    def with_index():
        subprocess.run(report, check=True, stdout=subprocess.DEVNULL)

    def changed():
        with_index()
        ledgers = os.path.join(folder, "outbox", "ledgers")
        os.utime(os.path.join(ledgers, min(os.listdir(ledgers))))

    script = os.path.join(ROOT, "Tests", "EndToEndTests", "Scripts", "recount.py")
    recount = ["python3", script, folder, os.path.join(folder, "reports", month + ".csv"), "10"]
    return Group("report", f"a month's report, {JOBS:,} jobs of 1,000 rows, 2 events a row", "rows",
                 lambda: past(folder, JOBS, month), [
        Case("Wardpost: all is read, then the report", timed(report, without_index), 3),
        Case("Wardpost: the report, nothing changed", timed(report, with_index), 5),
        Case("Wardpost: the report, one job changed", timed(report, changed), 5),
        # Fails if any of its counts is not the report's.
        Case("Python: csv and json, counted and compared", timed(recount, with_index), 1),
    ])


def line_count(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


GROUPS = (rows, rendered, sent, far, signed, grown, wide, ledger, tracked, endless, reported)
