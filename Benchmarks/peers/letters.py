"""What the peers make of a row: jinja2, then MIME by the library or by hand."""
import binascii
import csv
import email.policy
import email.utils
import os
from email.header import Header
from email.message import EmailMessage

import jinja2

HERE = os.path.dirname(os.path.abspath(__file__))
SENDER = "visits@clinic.test"
_FOLDER = jinja2.FileSystemLoader(os.path.join(HERE, "..", "job"))
_HTML = jinja2.Environment(loader=_FOLDER, autoescape=True, undefined=jinja2.StrictUndefined).get_template("letter.html")
_TEXT = jinja2.Environment(loader=_FOLDER, undefined=jinja2.StrictUndefined).get_template("letter.txt")
_SUBJECT = jinja2.Environment().from_string("Your visit on {{visit_date}}, {{first_name}}")
_POLICY = email.policy.SMTP
_FROM = "Northside Clinic <visits@clinic.test>"


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def by_library(row):
    """As the documentation of `email.message` shows it."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _FROM
    message["To"] = row["email"]
    message["Subject"] = _SUBJECT.render(row)
    message["Date"] = email.utils.formatdate()
    message["Message-ID"] = f"<{row['reference']}@clinic.test>"
    message.set_content(_TEXT.render(row), cte="quoted-printable")
    message.add_alternative(_HTML.render(row), subtype="html", cte="quoted-printable")
    return message.as_bytes()


def by_hand(row):
    """The same message, put together as text; quoted-printable by the C function behind `quopri`."""
    subject = _SUBJECT.render(row)
    if not subject.isascii():
        subject = Header(subject, "utf-8").encode()
    bound = f"=_{row['reference']}_part"
    head = (f"From: {_FROM}\r\nTo: {row['email']}\r\nSubject: {subject}\r\nDate: {email.utils.formatdate()}\r\n"
            f"Message-ID: <{row['reference']}@clinic.test>\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/alternative; boundary="{bound}"\r\n\r\n')
    return b"".join((head.encode(), _part(bound, "plain"), _quoted(_TEXT.render(row)), b"\r\n", _part(bound, "html"),
                     _quoted(_HTML.render(row)), f"\r\n--{bound}--\r\n".encode()))


def _part(bound, kind):
    return (f'--{bound}\r\nContent-Type: text/{kind}; charset="utf-8"\r\n'
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n").encode()


def _quoted(text):
    return binascii.b2a_qp(text.replace("\n", "\r\n").encode(), istext=True)


BUILDERS = {"library": by_library, "hand": by_hand}
