"""Counts a site's month again from its results, ledgers' first lines and events alone, and compares with a report's CSV.

Knows nothing of the index. Usage: recount.py SITE REPORT.csv SMALLEST_DOMAIN [ZONE]; prints how many figures agree.
"""

import csv
import json
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

STATES = ["sent", "failed", "invalid", "suppressed", "held", "unknown", "cancelled"]
VERIFICATIONS = ["pkix", "pinned", "dane", "mta-sts"]


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class Recount:
    """Figures by dimension and name."""

    def __init__(self, site, first, last, smallest, zone):
        self.site, self.first, self.last, self.smallest, self.zone = site, first, last, smallest, zone
        self.figures = defaultdict(Counter)
        self.mailboxes = defaultdict(set)
        self.messages = {}
        self.read_jobs()
        self.read_events()

    def day(self, text):
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        return moment.astimezone(self.zone).strftime("%Y-%m-%d")

    def read_jobs(self):
        for path in sorted((self.site / "outbox/ledgers").glob("*.ledger")):
            head = path.open(encoding="utf-8").readline().split("\t")
            job, folder, listed, sender = head[2], head[6], head[9], head[13]
            for row in read(self.site / "jobs" / folder / "results.csv"):
                local, at, domain = row["address"].rpartition("@")
                if at:
                    self.mailboxes[domain.lower()].add(row["address"].lower())
                places = [("sender", sender), ("sender_domain", sender.split("@")[1]), ("route", row["route"] or "(none)"),
                          ("list", listed or "(none)"), ("job", job), ("recipient_domain", domain.lower() if at else None)]
                if row["status"] == "sent":
                    self.messages[job, int(row["row"])] = places
                tls = {"TLSv1.2": ["tls_1_2"], "TLSv1.3": ["tls_1_3"]}.get(row["tls_version"], [])
                if row["tls_verification"]:
                    tls = tls + ["verified_" + row["tls_verification"].replace("-", "_")]
                names = ["rows", row["status"]] + (tls if row["status"] == "sent" else [])
                self.add(self.day(row["finished_at"]), places, names)

    def read_events(self):
        firsts = {}
        for path in sorted((self.site / "outbox/events").glob("*.jsonl")):
            for line in path.open(encoding="utf-8"):
                event = json.loads(line)
                if "kind" not in event:
                    continue
                message = (event["job"], event["row"])
                if message not in self.messages:
                    continue
                kind, when = event["kind"], (event["time"], event["ms"])
                if kind in ("open", "click"):
                    names = [kind + "s_all"] + ([kind + "s"] if event["class"] == "human" else [])
                    self.add(self.day(event["time"]), self.messages[message], names)
                    if event["class"] != "human":
                        continue
                key = (message, kind)
                firsts[key] = min(firsts.get(key, when), when)
        names = {"open": "opened", "click": "clicked", "unsubscribe": "opt_outs", "bounce": "bounces", "complaint": "complaints"}
        for (message, kind), when in firsts.items():
            if kind in names:
                self.add(self.day(when[0]), self.messages[message], [names[kind]])

    def add(self, day, places, names):
        if not self.first <= day <= self.last:
            return
        for place in [("all", ""), ("day", day)] + places:
            for name in names:
                self.figures[place][name] += 1

    def folded(self):
        """Small domains told together."""
        figures = defaultdict(Counter)
        for (by, name), counts in self.figures.items():
            if by == "recipient_domain":
                if name is None:
                    name = "(not known)"
                elif len(self.mailboxes[name]) < self.smallest:
                    name = "(other)"
            figures[by, name] += counts
        return figures


def main():
    site, report = Path(sys.argv[1]), read(sys.argv[2])
    zone = ZoneInfo(sys.argv[4] if len(sys.argv) > 4 else "UTC")
    figures = Recount(site, report[0]["first_day"], report[0]["last_day"], int(sys.argv[3]), zone).folded()
    words = {"period", "first_day", "last_day", "by", "name", "title"}
    compared, differences, seen = 0, [], set()
    for line in report:
        place = (line["by"], "" if line["by"] == "all" else line["name"].removeprefix("'"))
        seen.add(place)
        for name in line.keys() - words:
            compared += 1
            if int(line[name]) != figures[place][name]:
                differences.append(f"{place} {name}: {line[name]}, counted {figures[place][name]}")
    differences += [f"{place} is missing" for place in figures.keys() - seen if figures[place]]
    print("\n".join(differences[:20]) or f"{compared} figures agree")
    sys.exit(1 if differences or not compared else 0)


if __name__ == "__main__":
    main()
