"""A mailbox to which bounces come, read over IMAP (RFC 9051, with imaplib of the standard library).

Nothing is deleted: a report about one of our mails is marked as seen once its alerts are committed,
and every other mail is left as it is.
"""

from __future__ import annotations

import imaplib
import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from blocks.bounces import report_of
from blocks.send_deadline import SendDeadline
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.notifications.bounces import BounceReport, TakeReports
from sentinel.store.database.chunks import chunks

__all__ = ["Mailbox", "usable_mailbox"]

log = logging.getLogger(__name__)

_HINT = "Write imaps://user:password@host/INBOX, or imap:// for STARTTLS on port 143."
_SECONDS, _STEP_SECONDS = 60.0, 20.0
_MOST_MAILS, _PIECE = 200, 10
_MOST_BYTES = 262_144
"""Of one mail that are read: a report may have all of a mail with its attachments."""
_REPORTS = ("UNSEEN", "HEADER", "Content-Type", "delivery-status")


def usable_mailbox(url: str) -> Mailbox | None:
    """Return the mailbox at an address; None, with a line in the log, where it is none."""
    try:
        return Mailbox(url) if url else None
    except ConfigurationError as error:
        log.error("bounces are not read: %s", error)
        return None


class Mailbox:
    """A mailbox of an IMAP server.

    Args:
        url: `imaps://user:password@host:993/FOLDER`; with imap:// the connection begins with
            STARTTLS, unless the URL ends with `?security=insecure`

    Raises:
        ConfigurationError: this is no such address
    """

    def __init__(self, url: str) -> None:
        try:
            parts, asked = urlsplit(url), parse_qs(urlsplit(url).query)
            port = parts.port
        except ValueError:
            raise ConfigurationError("SENTINEL_BOUNCE_MAILBOX is no address", hint=_HINT) from None
        security = asked.pop("security", ["starttls"])
        named = parts.hostname and parts.username and parts.password
        if parts.scheme not in ("imap", "imaps") or not named or asked:
            raise ConfigurationError(
                "SENTINEL_BOUNCE_MAILBOX names no mailbox with a user and a password", hint=_HINT
            )
        self._tls = parts.scheme == "imaps"
        self._plain = security == ["insecure"]
        self._host, self._port = str(parts.hostname), port or (993 if self._tls else 143)
        self._login = unquote(str(parts.username)), unquote(str(parts.password))
        self._folder = unquote(parts.path.strip("/")) or "INBOX"
        self._others: set[str] = set()
        self._validity: object = None

    def read(self, take: TakeReports) -> int:
        """Read the reports that nobody has seen.

        Args:
            take: is given the reports, keeps what they say, and returns which are about mails of
                ours; those are marked as seen after it

        Returns:
            How many reports were about mails of ours.

        Raises:
            DeliveryError: the server does not answer, or refuses
        """
        deadline = SendDeadline(_SECONDS)
        try:
            return deadline.run(lambda: self._read(take, deadline))
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(
                f"{self._where} has a certificate that is not trusted here: {error.verify_message}"
            ) from None
        except UnicodeEncodeError:
            raise DeliveryError(
                f"{self._where} has a user, password or folder with letters outside ASCII",
                hint="Choose a user, a password and a folder of ASCII letters for "
                "SENTINEL_BOUNCE_MAILBOX.",
            ) from None
        except (OSError, TimeoutError, imaplib.IMAP4.error) as error:
            # The server's own words may repeat the login.
            raise DeliveryError(
                f"{self._where} could not be read ({type(error).__name__})",
                hint="Check the address, the login and the folder of SENTINEL_BOUNCE_MAILBOX.",
            ) from None

    @property
    def _where(self) -> str:
        return f"the mailbox at {self._host}:{self._port}"

    def _read(self, take: TakeReports, deadline: SendDeadline) -> int:
        with self._opened(deadline) as server:
            server.login(*self._login)
            _ok(server.select(_quoted(self._folder)))
            validity = server.response("UIDVALIDITY")[1][0]
            found = _ok(server.uid("SEARCH", *_REPORTS))
            listed: bytes = found[0] or b""
            uids = listed.decode().split()
            # With another UIDVALIDITY, the same number is another mail (RFC 9051, 2.3.1.1).
            self._others = self._others & set(uids) if validity == self._validity else set()
            self._validity = validity
            unread = [one for one in uids if one not in self._others][:_MOST_MAILS]
            # In pieces, so that a server too slow for all of them is read all the same.
            return sum(self._read_piece(server, piece, take) for piece in chunks(unread, _PIECE))

    def _read_piece(self, server: imaplib.IMAP4, uids: Sequence[str], take: TakeReports) -> int:
        reports: dict[str, BounceReport] = {}
        for uid in uids:
            if report := self._report(server, uid):
                reports[uid] = report
            else:
                self._others.add(uid)
        ours = take(list(reports.values())) if reports else ()
        seen = [uid for uid, own in zip(reports, ours, strict=True) if own]
        self._others |= reports.keys() - set(seen)
        if seen:
            _ok(server.uid("STORE", ",".join(seen), "+FLAGS.SILENT", r"(\Seen)"))
        return len(seen)

    def _report(self, server: imaplib.IMAP4, uid: str) -> BounceReport | None:
        """Return the report that a mail is; None for any other mail, also a broken one."""
        kind, parts = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{_MOST_BYTES}>)")
        if kind != "OK":
            log.warning("mail %s in %s is left, since the server refuses it", uid, self._where)
            return None
        mail = next((cast("bytes", one[1]) for one in parts if isinstance(one, tuple)), b"")
        try:
            return report_of(mail)
        except Exception as error:  # noqa: BLE001 - on malformed mail, the parser raises anything
            log.warning(
                "mail %s in %s is left, since it cannot be parsed (%s)",
                uid, self._where, type(error).__name__,
            )  # fmt: skip
            return None

    def _opened(self, deadline: SendDeadline) -> imaplib.IMAP4:
        tls = ssl.create_default_context()
        if self._tls:
            server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                self._host, self._port, ssl_context=tls, timeout=_STEP_SECONDS
            )
        else:
            server = imaplib.IMAP4(self._host, self._port, timeout=_STEP_SECONDS)
        deadline.watch(server.sock)
        if not self._tls and not self._plain:
            try:
                server.starttls(tls)
            except BaseException:  # of any kind: what was opened is closed, and it is raised again
                with suppress(OSError):
                    server.shutdown()
                raise
            deadline.watch(server.sock)
        return server


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """Return what a command answered.

    Args:
        answer: OK or not, and the data

    Returns:
        The data.

    Raises:
        imaplib.IMAP4.error: the server refused it
    """
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("refused")
    return answer[1]


def _quoted(folder: str) -> str:
    """Return the name of a folder as IMAP quotes it."""
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
