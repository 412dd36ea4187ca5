"""Reads messages with Python's own parser: the second opinion of tests/suite/mail/parse.rs.

Takes messages on stdin, each behind a line with its length; gives one JSON object a line: subject, addresses of From,
date, the first plain text, and what is not well-formed about the message, if anything is.

Well-formed means that there is one right reading: the fields are ASCII, those that may come once do, the bytes of texts
are in the charset that they name, and this parser finds nothing to mend.
"""

import email
import email.policy
import json
import re
import sys
from email.utils import parsedate_to_datetime

ONCE = ["from", "date", "subject", "content-type", "content-transfer-encoding", "mime-version"]


def squeezed(text):
    return " ".join(text.split())


def defects(part):
    found = [type(defect).__name__ for defect in part.defects]
    for value in part.values():
        found.extend(type(defect).__name__ for defect in getattr(value, "defects", []))
    return found


def is_damaged(text):
    """Says whether bytes of the text were none in the charset it names."""
    return any(c == "\ufffd" or "\x80" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in text)


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    text = None
    for part in message.walk():
        if part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment":
            text = squeezed(part.get_content())
            break
    faults = [fault for part in message.walk() for fault in defects(part)]
    date, subject = message["date"], squeezed(str(message["subject"] or ""))
    faults += [name + " is missing" for name in ["from"] if message[name] is None]
    faults += [name + " comes twice" for name in ONCE if len(message.get_all(name, [])) > 1]
    faults += ["fields are not ASCII"] if not head.isascii() else []
    faults += ["bytes are not in their charset"] if is_damaged(subject + (text or "")) else []
    return {
        "subject": subject,
        "from": [a.addr_spec for a in message["from"].addresses] if message["from"] else [],
        "date": int(parsedate_to_datetime(str(date)).timestamp()) if date else None,
        "text": text,
        "faults": faults,
    }


while line := sys.stdin.buffer.readline():
    raw = sys.stdin.buffer.read(int(line))
    try:
        result = read(raw)
    except Exception as error:  # a parser that fails says nothing about the message
        result = {"faults": [repr(error)]}
    print(json.dumps(result))
