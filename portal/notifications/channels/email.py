"""Email by SMTP. Until the last line of the message has been sent, the server has certainly not accepted it."""

import re
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.notifications.channels.base import Envelope, NotAccepted, OutcomeUnknown, Receipt, Refused

STEP_SECONDS = 10.0
TOTAL_SECONDS = 25.0
# The library's older policy: with it a mail costs a third of what it does with the newer one.
WIRE = compat32.clone(linesep="\r\n", max_line_length=0)
_UTF_8: Any = Charset("utf-8")
_UTF_8.body_encoding = QP
_END_OF_DATA = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """Where and as whom: `smtp://user:password@host:port` (STARTTLS where offered) or `smtps://…`."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "Server":
        """The server of an URL.

        :raises ValueError: it names none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("must be smtp://user:password@host:port, or smtps://")
        tls = parts.scheme == "smtps"
        return cls(
            parts.hostname, parts.port or (465 if tls else 587), unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None, tls,
        )  # fmt: skip


def compose(envelope: Envelope, sender: str) -> MIMEMultipart:
    """The mail with both parts and, where one can unsubscribe, the headers of RFC 8058."""
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

    :raises NotAccepted: it was not reached, refuses us, or says later (4xx).
    :raises Refused: it says never (5xx) to this recipient or mail.
    :raises OutcomeUnknown: the line went dead after the last line of the mail.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    content = _END_OF_DATA.sub(b"..", compose(envelope, sender).as_bytes())
    try:
        smtp = _connect(server)
        try:
            _at_once(smtp)
            _prepare(smtp, server, deadline)
            _offer(smtp, parseaddr(sender)[1], envelope.to, deadline)
            _limit(smtp, deadline)
            smtp.send(content)
            receipt = _finish(smtp, deadline)
            smtp.putcmd("quit")
            return receipt
        finally:
            smtp.close()
    except (smtplib.SMTPException, OSError) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}"[:300]) from error


def _connect(server: Server) -> smtplib.SMTP:
    if server.tls:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=STEP_SECONDS, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=STEP_SECONDS)


def _at_once(smtp: smtplib.SMTP) -> None:
    """Send the last line without waiting for the server's word on the lines before: it keeps that back for 40 ms."""
    if smtp.sock is not None:
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _prepare(smtp: smtplib.SMTP, server: Server, deadline: float) -> None:
    _limit(smtp, deadline)
    smtp.ehlo_or_helo_if_needed()
    if not server.tls and smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
    if server.user:
        _limit(smtp, deadline)
        smtp.login(server.user, server.password or "")


def _offer(smtp: smtplib.SMTP, sender: str, recipient: str, deadline: float) -> None:
    """Everything up to the server's word that it wants the mail."""
    options = ["SMTPUTF8"] if not recipient.isascii() and smtp.has_extn("smtputf8") else []
    _limit(smtp, deadline)
    code, answer = smtp.mail(sender, options)
    if code != 250:
        raise NotAccepted(_words(code, answer))
    for command, welcome in ((f"RCPT TO:{smtplib.quoteaddr(recipient)}", (250, 251)), ("DATA", (354,))):
        _limit(smtp, deadline)
        code, answer = smtp.docmd(command)
        if code not in welcome:
            raise _verdict(code, answer)


def _finish(smtp: smtplib.SMTP, deadline: float) -> Receipt:
    """The last line, and the server's answer to the whole."""
    try:
        smtp.send(b".\r\n")
        _limit(smtp, deadline)
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


def _limit(smtp: smtplib.SMTP, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the server is too slow")
    if smtp.sock is not None:
        smtp.sock.settimeout(min(STEP_SECONDS, left))
