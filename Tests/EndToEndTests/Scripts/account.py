#!/usr/bin/env python3
"""What a mail server says became of each message: from its own log, its mailboxes and its queue.

usage: account.py postfix|exim|opensmtpd DIRECTORY
Prints JSON. Shares no line of code with the program under test.
"""
import email
import email.policy
import json
import os
import re
import sys
from collections import defaultdict


def lines(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().split("\n")


def described(data, recipient=None):
    """A message as Python's parser has it; as text, since it has no way to take header fields in UTF-8 (RFC 6532) as bytes."""
    message = email.message_from_string(data.decode("utf-8", "surrogateescape"), policy=email.policy.compat32)
    part = message
    while part.is_multipart():
        part = part.get_payload()[0]
    text = part.get_payload(decode=True).decode("utf-8", "replace")
    received = re.sub(r"\s+", " ", message["received"] or "")
    number = re.search(r"\bid <?([0-9A-Za-z-]+)", received)
    reference = re.search(r"reference is (\S+?)\.\s", text)
    return {
        "recipient": (recipient or message["delivered-to"] or message["envelope-to"] or "").strip(),
        "message_id": (message["message-id"] or "").strip().strip("<>"),
        "queue_id": number.group(1) if number else "",
        "reference": reference.group(1) if reference else "",
        "tls": "TLS" in received or "esmtps" in received,
    }


def mailbox(path):
    found = []
    for part in ("new", "cur"):
        directory = os.path.join(path, part)
        if os.path.isdir(directory):
            for name in os.listdir(directory):
                with open(os.path.join(directory, name), "rb") as file:
                    found.append(described(file.read()))
    return found


class Account:
    def __init__(self):
        self.accepted = {}
        self.delivered = defaultdict(int)
        self.refused = defaultdict(list)
        self.deferred = defaultdict(list)
        self.logins = defaultdict(int)
        self.queue = []
        self.rest = 0

    def taken(self, queue_id, recipient, message_id):
        self.accepted[queue_id] = {"recipient": recipient, "message_id": message_id}

    def turned_away(self, recipient, text):
        (self.deferred if text[:1] == "4" else self.refused)[recipient].append(text)


def postfix(directory):
    account = Account()
    ids, recipients = {}, {}
    for line in lines(directory + "/log"):
        if match := re.search(r"cleanup\[\d+\]: (\w+): message-id=<(.*)>", line):
            ids[match.group(1)] = match.group(2)
        elif match := re.search(r": (\w+): to=<(.*?)>,.* status=(\w+)", line):
            recipients[match.group(1)] = match.group(2)
            if match.group(3) == "sent":
                account.delivered[match.group(2)] += 1
        elif match := re.search(r": reject: RCPT from \S+: (\d{3} .*?); from=<.*?> to=<(.*?)>", line):
            account.turned_away(match.group(2), match.group(1))
        elif match := re.search(r": reject: header .*; from=<.*?> to=<(.*?)> .*?: (.*)$", line):
            account.turned_away(match.group(1), "550 " + match.group(2))
        if match := re.search(r"client=.*sasl_method=([\w-]+), sasl_username=sender", line):
            account.logins[match.group(1)] += 1
    for queue_id, recipient in recipients.items():
        account.taken(queue_id, recipient, ids.get(queue_id, ""))
    for part in ("active", "incoming", "deferred", "maildrop"):
        account.rest += sum(len(names) for _, _, names in os.walk(f"{directory}/spool/{part}"))
    return account


def exim(directory):
    account = Account()
    for line in lines(directory + "/logs/mainlog"):
        if match := re.search(r" (\S{6}-\S{6}-\S{2}) <= .* id=(\S+) for (\S+)$", line):
            account.taken(match.group(1), match.group(3), match.group(2))
        elif match := re.search(r" \S{6}-\S{6}-\S{2} => \S+ <(.*?)> R=mailbox", line):
            account.delivered[match.group(1)] += 1
        elif match := re.search(r"rejected RCPT <(.*?)>: (.*)$", line):
            text = match.group(2)
            account.turned_away(match.group(1), text if text[:3].isdigit() else "550 " + text)
        if match := re.search(r" <= .* A=(\w+):sender ", line):
            account.logins[match.group(1).upper()] += 1
    text = ""
    for line in lines(directory + "/logs/rejectlog"):
        if match := re.search(r" rejected after DATA: (.*)$", line):
            text = match.group(1)
        elif text and (match := re.match(r"Envelope-to: <(.*)>$", line)):
            account.turned_away(match.group(1), text)
            text = ""
    for parent, _, names in os.walk(directory + "/spool/input"):
        for name in names:
            if name.endswith("-H"):
                try:
                    account.queue.append(spooled(os.path.join(parent, name[:-2])))
                except FileNotFoundError:
                    pass  # delivered meanwhile: the mailbox has it
    return account


def spooled(path):
    """A message of Exim's queue: its envelope and header fields in one file, its body in another."""
    with open(path + "-H", "rb") as file:
        envelope, _, head = file.read().partition(b"\n\n")
    with open(path + "-D", "rb") as file:
        body = file.read().partition(b"\n")[2]
    fields, at = b"", 0
    while match := re.compile(rb"(\d+)(.) ").match(head, at):
        size = int(match.group(1))
        if match.group(2) != b"*":
            fields += head[match.end() : match.end() + size]
        at = match.end() + size
    recipients = envelope.split(b"\n")
    count = max(index for index, line in enumerate(recipients) if line.isdigit())
    found = [line.decode() for line in recipients[count + 1 : count + 1 + int(recipients[count])]]
    assert len(found) == 1, found
    return described(fields + b"\n" + body, found[0])


def opensmtpd(directory):
    account = Account()
    for line in lines(directory + "/log"):
        if match := re.search(r" smtp envelope evpid=(\w{8})\w{8} from=<.*?> to=<(.*?)>", line):
            account.taken(match.group(1), match.group(2), "")
        elif match := re.search(r" mda delivery evpid=\w+ .* rcpt=<(.*?)> .* stat=Delivered", line):
            account.delivered[match.group(1)] += 1
        elif match := re.search(r'failed-command command="RCPT TO:<(.*?)>.*?" result="(.*)"', line):
            account.turned_away(match.group(1), match.group(2))
        elif match := re.search(r'failed-command .*result="(5\d\d 5.6.0 .*)"', line):
            account.turned_away("", match.group(1))
        if re.search(r" smtp authentication user=sender result=ok", line):
            account.logins["AUTH"] += 1
    for part in ("queue", "incoming"):
        account.rest += sum(len(names) for _, _, names in os.walk(f"{directory}/spool/{part}"))
    return account


def main():
    kind, directory = sys.argv[1:]
    account = {"postfix": postfix, "exim": exim, "opensmtpd": opensmtpd}[kind](directory)
    json.dump(
        {
            "accepted": [dict(entry, queue_id=name) for name, entry in account.accepted.items()],
            "delivered": account.delivered,
            "refused": account.refused,
            "deferred": account.deferred,
            "logins": account.logins,
            "mailboxes": mailbox(directory + "/mail/all"),
            "queue": account.queue,
            "rest": account.rest,
        },
        sys.stdout,
    )


main()
