"""Email by SMTP. Until the last line of the message has been sent, the server has certainly not accepted it."""

import re
import smtplib
import time
from contextlib import suppress
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate, parseaddr
from typing import Any

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused
from portal.notifications.channels.smtp_connection import (
    Server,
    give_back,
    limit,
    open_connection,
    take_kept_connection,
)

TOTAL_SECONDS = 25.0
# The library's older policy: composing a mail with it costs a third of what it costs with the newer one.
WIRE = compat32.clone(linesep="\r\n", max_line_length=0)
_UTF_8: Any = Charset("utf-8")
_UTF_8.body_encoding = QP
_END_OF_DATA = re.compile(rb"^\.", re.MULTILINE)


def compose(envelope: Envelope, sender: str) -> MIMEMultipart:
    """The mail with its text and HTML parts and, if there is an unsubscribe link, the headers of RFC 8058."""
    mail = MIMEMultipart("alternative", policy=WIRE)
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    subject = " ".join(envelope.subject.split())
    mail["From"], mail["To"] = sender, envelope.to
    mail["Subject"] = subject if subject.isascii() else Header(subject, "utf-8").encode()
    mail["Date"], mail["Message-ID"] = formatdate(localtime=False), f"<{envelope.reference}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if envelope.unsubscribe:
        mail["List-Unsubscribe"] = f"<{envelope.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.attach(MIMEText(envelope.text, "plain", _UTF_8, policy=WIRE))
    mail.attach(MIMEText(envelope.html, "html", _UTF_8, policy=WIRE))
    return mail


def send(envelope: Envelope, server: Server, sender: str) -> Receipt:
    """Hand a mail to the server, within 25 s.

    :raises NotAccepted: if the server was not reached, refuses us, or refuses for now (4xx).
    :raises Refused: if it permanently refuses (5xx) this recipient or mail.
    :raises OutcomeUnknown: if the connection was lost after the last line of the mail.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    content = _END_OF_DATA.sub(b"..", compose(envelope, sender).as_bytes())
    try:
        smtp = _begin(envelope, server, parseaddr(sender)[1], deadline)
        try:
            _offer(smtp, envelope.to, deadline)
            limit(smtp, deadline)
            smtp.send(content)
            receipt = _finish(smtp, deadline)
        except BaseException:
            smtp.close()  # so that no error affects the next mail
            raise
    except (smtplib.SMTPException, OSError) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}"[:300]) from error
    give_back(server, smtp)
    return receipt


def _begin(envelope: Envelope, server: Server, sender: str, deadline: float) -> smtplib.SMTP:
    """A connection on which the server has accepted our sender: the kept one, or a new one if that no longer works."""
    kept = take_kept_connection(server)
    if kept is not None:
        with suppress(smtplib.SMTPException, OSError):
            if _announce(kept, envelope, sender, deadline)[0] == 250:
                return kept
        kept.close()
    smtp = open_connection(server, deadline)
    try:
        code, answer = _announce(smtp, envelope, sender, deadline)
    except BaseException:
        smtp.close()
        raise
    if code == 250:
        return smtp
    smtp.close()
    raise NotAccepted(_words(code, answer))


def _announce(smtp: smtplib.SMTP, envelope: Envelope, sender: str, deadline: float) -> tuple[int, bytes]:
    options = ["SMTPUTF8"] if not envelope.to.isascii() and smtp.has_extn("smtputf8") else []
    limit(smtp, deadline)
    return smtp.mail(sender, options)


def _offer(smtp: smtplib.SMTP, recipient: str, deadline: float) -> None:
    """Send RCPT and DATA; returns once the server is ready for the mail."""
    for command, welcome in ((f"RCPT TO:{smtplib.quoteaddr(recipient)}", (250, 251)), ("DATA", (354,))):
        limit(smtp, deadline)
        code, answer = smtp.docmd(command)
        if code not in welcome:
            raise _verdict(code, answer)


def _finish(smtp: smtplib.SMTP, deadline: float) -> Receipt:
    """Send the last line and read the server's answer to the whole mail."""
    try:
        smtp.send(b".\r\n")
        limit(smtp, deadline)
        code, answer = smtp.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise OutcomeUnknown(f"no answer to the end of the mail: {type(error).__name__}") from error
    if code != 250:
        raise _verdict(code, answer)
    return Receipt("smtp", answer.decode(errors="replace")[:200])


def _verdict(code: int, answer: bytes) -> Exception:
    return Refused(_words(code, answer)) if code >= 500 else NotAccepted(_words(code, answer))


def _words(code: int, answer: bytes) -> str:
    return f"{code} {answer.decode(errors='replace')}"[:300]
