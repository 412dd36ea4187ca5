"""Reads messages with Python's own parser: the second opinion of tests/suite/mail/parse.rs.

Takes paths on stdin, one a line; gives one JSON object a line: subject, addresses of From, date, text, and whether the
message is well-formed in the eyes of this parser.
"""

import email
import email.policy
import json
import sys
from email.utils import getaddresses, parsedate_to_datetime


def squeezed(text):
    return " ".join(text.split())


def defects(part):
    found = list(part.defects)
    for value in part.values():
        found.extend(getattr(value, "defects", []))
    return found


def is_damaged(text):
    """Says whether bytes of the text were none in the charset it names."""
    return text is not None and any(c == "\ufffd" or "\x80" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in text)


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    head = raw.split(b"\r\n\r\n")[0].split(b"\n\n")[0]
    faulty = any(defects(part) for part in message.walk())
    text = None
    for part in message.walk():
        if part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment":
            text = squeezed(part.get_content())
            break
    date = message["date"]
    return {
        "subject": squeezed(str(message["subject"] or "")),
        "from": [a.addr_spec for a in message["from"].addresses] if message["from"] else [],
        "date": int(parsedate_to_datetime(str(date)).timestamp()) if date else None,
        "text": text,
        "well_formed": not faulty
        and head.isascii()
        and message["from"] is not None
        and all(len(message.get_all(name, [])) < 2 for name in ["from", "date", "subject", "content-type"])
        and not is_damaged(text)
        and not is_damaged(str(message["subject"] or "")),
    }


for line in sys.stdin:
    try:
        result = read(line.rstrip("\n"))
    except Exception as error:  # a parser that fails says nothing about the message
        result = {"well_formed": False, "error": repr(error)}
    print(json.dumps(result))
