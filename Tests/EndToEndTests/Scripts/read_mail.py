#!/usr/bin/env python3
"""Reads messages with Python's own parser, which shares no line of code with the program under test.

usage: read_mail.py FILE-OR-MAILDIR...
Prints a JSON list, one object a message: headers, text, html, attachments, defects.
"""
import base64
import email
import email.header
import email.policy
import email.utils
import html.parser
import json
import os
import sys


def files(path):
    if os.path.isfile(path):
        return [path]
    found = []
    for part in ("new", "cur"):
        directory = os.path.join(path, part)
        if os.path.isdir(directory):
            found += [os.path.join(directory, name) for name in os.listdir(directory)]
    return sorted(found)


def decoded(value):
    """Encoded words by RFC 2047; the newer parser puts a space between two words that belong together."""
    text = ""
    for part, charset in email.header.decode_header(value):
        text += part.decode(charset or "ascii", "surrogateescape") if isinstance(part, bytes) else part
    return text


class Fields(html.parser.HTMLParser):
    """The text of every element that has an id, as a browser would have it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.fields, self.open = {}, []

    def handle_starttag(self, tag, attributes):
        if tag == "br":
            self.handle_data("\n")
        if tag in ("br", "img", "meta", "link", "hr", "input"):
            return
        self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.fields[name] = self.fields.get(name, "") + data


def fields(text):
    if text is None:
        return {}
    parser = Fields()
    parser.feed(text)
    parser.close()
    return parser.fields


def without_wide_headers(data):
    """Takes header fields in UTF-8 (RFC 6532) out; Python's parser of bytes has no way to take them as text."""
    mark = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
    head, _, body = data.partition(mark)
    if all(byte < 128 for byte in head):
        return data, []
    fields, wide, rest = [], [], []
    for line in head.splitlines(keepends=True):
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        else:
            fields.append(line)
    for field in fields:
        if all(byte < 128 for byte in field):
            rest.append(field)
            continue
        name, _, value = field.decode("utf-8").partition(":")
        wide.append((name, value.strip().replace("\r\n", "").replace("\n", "")))
    return b"".join(rest).rstrip(b"\r\n") + mark + body, wide


def read(path):
    with open(path, "rb") as file:
        data = whole = file.read()
    defects = []
    strict = email.policy.default
    data, wide = without_wide_headers(data)
    message = email.message_from_bytes(data, policy=strict)
    compat = email.message_from_bytes(data, policy=email.policy.compat32)
    for name, value in wide:
        compat[name] = value
    headers = {}
    for name, value in compat.items():
        text = decoded(str(value).replace("\r\n", "").replace("\n", ""))
        headers.setdefault(name.lower(), []).append(text)
    for name, value in message.items():
        for defect in getattr(value, "defects", ()):
            defects.append(f"{name}: {type(defect).__name__}")
    parts, attachments, bodies = [], [], {}
    for part in message.walk():
        defects += [type(defect).__name__ for defect in part.defects]
        parts.append(part.get_content_type())
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        defects += [type(defect).__name__ for defect in part.defects]
        name = part.get_filename()
        identity = part["content-id"]
        if part.get_content_disposition() == "attachment" or name or identity:
            attachments.append({
                "name": name or "",
                "type": part.get_content_type(),
                "cid": (identity or "").strip("<>"),
                "disposition": part.get_content_disposition() or "",
                "base64": base64.b64encode(payload).decode(),
            })
        else:
            charset = part.get_content_charset() or "us-ascii"
            bodies.setdefault(part.get_content_type(), payload.decode(charset).replace("\r\n", "\n"))
    longest = max((len(line) for line in whole.replace(b"\r\n", b"\n").split(b"\n")), default=0)
    line = str(compat.get("to", "")).replace("\r\n", "").replace("\n", "")
    addresses = email.utils.getaddresses([line]) if line else []
    return {
        "file": path,
        "headers": headers,
        "to": [{"name": decoded(name), "address": address} for name, address in addresses],
        "text": bodies.get("text/plain"),
        "html": bodies.get("text/html"),
        "fields": fields(bodies.get("text/html")),
        "parts": parts,
        "attachments": attachments,
        "defects": defects,
        "longest_line": longest,
        "eight_bit": any(byte > 127 for byte in whole),
    }


def main():
    messages = [read(file) for path in sys.argv[1:] for file in files(path)]
    json.dump(messages, sys.stdout)


main()
