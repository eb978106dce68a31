"""Fills a site with jobs that were sent and what came back from them: ledgers, signed results and events, as runs write them.

Written from docs/formats.md alone, so that it is a second reading of it. Usage: reports_site.py SITE JOBS ROWS EVENTS [MONTH]
SITE is one that `wardpost init` made; EVENTS is how many events each row has on average; MONTH is 2026-10.
"""

import datetime
import hashlib
import hmac
import json
import os
import random
import subprocess
import sys
from pathlib import Path

SENDERS = ["care@clinic.example", "news@clinic.example", "billing@north.clinic.example"]
LISTS = ["", "newsletter", "reminders"]
REASONS = {"failed": "mailbox-unknown", "held": "certificate-expired", "invalid": "address-syntax",
           "suppressed": "opted-out", "unknown": "answer-lost", "cancelled": "past-not-after"}
LARGE = [f"mail{n}.example" for n in range(20)]
CHANNELS = [("main", "smtp.relay.example", "relay", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "pkix"),
            ("main", "smtp.relay.example", "relay", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "pkix"),
            ("backup", "mx.backup.example", "relay", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "pinned")]
COLUMNS = ("row,key,address,status,reason,detail,attempts,finished_at,route,server,tls_scope,tls_version,tls_cipher,"
           "tls_verification,message_id")
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def tag(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


class Ledger:
    """Lines in a keyed chain."""

    def __init__(self, key):
        self.key, self.state, self.lines = key, None, []

    def add(self, *fields):
        line = "\t".join(str(field) for field in fields).encode()
        self.state = tag(self.key, line) if self.state is None else hashlib.sha256(self.state + line).digest()
        self.lines.append(line + b"\t" + self.state[:16].hex().encode() + b"\n")


class EventFile:
    """One file of events, each line with its mac."""

    def __init__(self, directory, key, day, number):
        name = f"{number:016x}"
        self.path = directory / f"{day}-bench-{name}.jsonl"
        header = {"wardpost": "events", "version": 1, "file": name, "key": 1, "time": f"{day} 00:00:00"}
        text = json.dumps(header, separators=(",", ":"))[:-1].encode()
        self.secret, self.mac, self.count, self.lines = tag(key, text), bytes(8), 0, []
        self.append(text)

    def append(self, text):
        self.mac = hashlib.sha256(self.secret + self.mac + text).digest()[:8]
        self.lines.append(text + b',"mac":"' + self.mac.hex().encode() + b'"}\n')

    def add(self, milliseconds, kind, job, row, link, audience):
        self.count += 1
        extra = f'"link":{link},' if link else ""
        if kind == "unsubscribe":
            extra = f'"list":"","tag":"{row:032x}",'
        why, method = ("request", "GET") if audience == "human" else ("head", "HEAD")
        if kind in ("unsubscribe", "bounce", "complaint"):
            why, method = ("one-click" if kind == "unsubscribe" else ""), "POST"
        if kind == "bounce":
            extra += '"severity":"hard",'
        self.append(
            f'{{"n":{self.count},"time":"{stamp(milliseconds // 1000)}","ms":{milliseconds % 1000},"kind":"{kind}",'
            f'"job":"{job}","row":{row},{extra}"class":"{audience}","why":"{why}","method":"{method}","agent":"{AGENT}"'
            .encode())

    def close(self):
        self.path.write_bytes(b"".join(self.lines))
        os.chmod(self.path, 0o600)


def make_job(site, number, rows, chance, key, start, span):
    """Writes one job's ledger and folder; returns its name and when each sent row ended."""
    job = hashlib.sha256(f"job {number}".encode()).hexdigest()[:20]
    sender, listed, folder = SENDERS[number % 3], LISTS[number // 3 % 3], f"job-{number:05d}"
    began = start + chance.randrange(span - 40_000)
    ledger = Ledger(key)
    ledger.add("wardpost-ledger", 1, job, stamp(began), rows, 2, folder, f"Mailing {number}", "operations", listed,
               hashlib.sha256(job.encode()).hexdigest(), sender.split("@")[1], "0.2.0", sender)
    ledger.add("link", 1, "https://www.clinic.example/a")
    ledger.add("link", 2, "https://www.clinic.example/b")
    ledger.add("started", stamp(began), 1, "bench")
    for index, channel in enumerate(CHANNELS):
        ledger.add("channel", index + 1, *channel)
    results, sent, counts = ["\ufeff" + COLUMNS + "\r\n"], [], {}
    for row in range(1, rows + 1):
        status = chance.choices(["sent", *REASONS], [920, 30, 5, 10, 20, 10, 5])[0]
        counts[status] = counts.get(status, 0) + 1
        ended, reason = began + row // 4, REASONS.get(status, "")
        domain = LARGE[min(19, int(chance.expovariate(0.3)))] if chance.random() < 0.95 else f"small{chance.randrange(3000)}.example"
        address = "nobody" if status == "invalid" else f"p{number}.{row}@{domain}"
        is_tried = status in ("sent", "failed", "unknown")
        channel = chance.choices([0, 1, 2], [80, 5, 15])[0]
        identity = f"m{number}r{row}" if is_tried else ""
        detail = "250 2.0.0 taken" if status == "sent" else ""
        if is_tried:
            ledger.add("tried", row, 1, stamp(ended))
        ledger.add(status, row, int(is_tried), stamp(ended), reason, channel + 1 if is_tried else "",
                   identity and identity + "@", detail)
        seen = CHANNELS[channel] if is_tried else ("",) * 6
        whole = identity and f"{identity}@{sender.split('@')[1]}"
        results.append(f"{row},K{number}-{row},{address},{status},{reason},{detail},{int(is_tried)},{stamp(ended)},"
                       f"{','.join(seen)},{whole}\r\n")
        if status == "sent":
            sent.append((row, ended))
    ledger.add("closed", stamp(began + rows // 4), " ".join(f"{name}={count}" for name, count in counts.items()))
    (site / "outbox/ledgers" / f"{job}.ledger").write_bytes(b"".join(ledger.lines))
    directory = site / "jobs" / folder
    directory.mkdir()
    (directory / "results.csv").write_text("".join(results), encoding="utf-8", newline="")
    (directory / "DONE").write_text("Done.\n")
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", site / "keys/records.pem", "-out",
                    directory / "results.csv.sig", directory / "results.csv"], check=True)
    return job, sent


def make_events(job, sent, share, chance):
    """What came back, at a person's pace: never two within two minutes, which rules would take for a program's."""
    events = []
    for row, ended in sent:
        last = 0
        for _ in range(int(share) + (chance.random() < share % 1)):
            kind = chance.choices(["open", "click", "unsubscribe", "bounce", "complaint"], [700, 250, 20, 25, 5])[0]
            audience = "automated" if kind in ("open", "click") and chance.random() < 0.2 else "human"
            when = (ended + 3_600 + int(chance.expovariate(1 / 100_000))) * 1000 + chance.randrange(1000)
            if abs(when - last) < 120_000:
                when = last + 120_000
            last = when
            events.append((when, kind, job, row, chance.randrange(1, 3) if kind == "click" else 0, audience))
    return events


def main():
    site, jobs, rows, share = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    month = sys.argv[5] if len(sys.argv) > 5 else "2026-10"
    first = datetime.datetime.strptime(month + "-01", "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc)
    span = ((first + datetime.timedelta(days=32)).replace(day=1) - first).total_seconds()
    root = bytes.fromhex((site / "keys/site.key").read_text().strip())
    tracking = bytes.fromhex((site / "keys/tracking.key").read_text().strip())
    for name in ["ledgers", "events"]:
        (site / "outbox" / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(site / "outbox", 0o700)
    chance, events = random.Random(7), {}
    for number in range(jobs):
        job, sent = make_job(site, number, rows, chance, tag(root, b"wardpost ledger"), int(first.timestamp()), int(span))
        for event in make_events(job, sent, share, chance):
            events.setdefault(stamp(event[0] // 1000)[:10], []).append(event)
    total = 0
    for number, (day, list_of_day) in enumerate(sorted(events.items())):
        file = EventFile(site / "outbox/events", tag(tracking, b"wardpost events v1"), day, number)
        for event in sorted(list_of_day):
            file.add(*event)
        file.close()
        total += len(list_of_day)
    print(f"{jobs} jobs, {jobs * rows} rows, {total} events")


if __name__ == "__main__":
    main()
