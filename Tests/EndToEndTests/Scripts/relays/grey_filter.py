#!/usr/bin/env python3
"""Asks greylistd about recipients that begin with "grey", and refuses messages with "forbidden" in their subject, for OpenSMTPD.

usage: grey_filter.py SOCKET
"""
import socket
import sys

sessions = {}


def is_grey(path, *triplet):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.settimeout(5)
        server.connect(path)
        server.sendall(("--grey " + " ".join(triplet)).encode())
        return server.recv(64) == b"true"


def main():
    path = sys.argv[1]
    say = lambda *words: print(*words, sep="|", flush=True)
    for line in sys.stdin:
        if line.startswith("config|ready"):
            break
    for event in ("tx-mail", "tx-reset", "link-disconnect"):
        say("register", "report", "smtp-in", event)
    for phase in ("rcpt-to", "data-line", "commit"):
        say("register", "filter", "smtp-in", phase)
    say("register", "ready")
    for line in sys.stdin:
        fields = line.rstrip("\n").split("|")
        kind, phase, session = fields[0], fields[4], fields[5]
        state = sessions.setdefault(session, {"from": "", "head": True, "bad": False})
        if kind == "report":
            if phase == "link-disconnect":
                sessions.pop(session, None)
            elif phase == "tx-mail":
                state.update({"from": fields[8], "head": True, "bad": False})
            continue
        token, rest = fields[6], fields[7:]
        if phase == "data-line":
            text = "|".join(rest)
            if state["head"]:
                state["head"] = text != ""
                if text.lower().startswith("subject:") and "forbidden" in text:
                    state["bad"] = True
            say("filter-dataline", session, token, text)
        elif phase == "commit" and state["bad"]:
            say("filter-result", session, token, "reject", "550 5.6.0 this word is not liked here")
        elif phase == "rcpt-to" and rest[0].lstrip("<").startswith("grey") and is_grey(
            path, "127.0.0.1", state["from"].strip("<>") or "none", rest[0].strip("<>")
        ):
            say("filter-result", session, token, "reject", "451 4.7.1 greylisted; come again later")
        else:
            say("filter-result", session, token, "proceed")


main()
