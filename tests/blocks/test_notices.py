"""Messages about no group of alerts: no counts, no alerts, the text as it is."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.channels import text_of as plain_text
from blocks.mail import mail_of
from blocks.message_text import counts, footer
from blocks.slack_text import payload_of
from blocks.webhook import body_of
from sentinel.notifications.notice import NewNotice, notice_message
from sentinel.notifications.reasons import Reason

NOTICE = notice_message(
    NewNotice(
        kind=Reason.SILENCE_CREATED, about="s1", says="begun", receiver="db",
        title="[silence] ann muted 2 alerts", text="By ann.\nIt mutes <b>2</b> alerts.",
        url="http://127.0.0.1:8501/", html="<p>By <em>ann</em></p>",
        attachment=("alerts.csv", "title\r\nä\r\n"),
    ),
    "n1", "a silence has begun", datetime(2026, 3, 1, tzinfo=UTC),
)  # fmt: skip


def test_nothing_is_counted_where_there_are_no_alerts():
    assert (counts(NOTICE), footer(NOTICE)) == ("", "a silence has begun")


def test_a_mail_has_the_text_the_html_and_the_file():
    mail = mail_of(NOTICE, sender="s@example.org", to=["a@example.org"], csv=True)
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert html is not None
    said = text.get_content()
    assert "[silence] ann muted 2 alerts\na silence has begun\n" in said
    assert "  It mutes <b>2</b> alerts." in said
    assert "<p>By <em>ann</em></p>" in html.get_content()
    assert "none firing" not in said + html.get_content()
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_payload(decode=True)) == (
        "alerts.csv", "title\r\nä\r\n".encode()
    )  # fmt: skip


def test_chats_and_webhooks_say_the_text():
    blocks = payload_of(NOTICE)["attachments"][0]["blocks"]
    assert blocks[0]["text"]["text"] == "By ann.\nIt mutes &lt;b&gt;2&lt;/b&gt; alerts."
    assert blocks[1]["elements"][0]["text"] == "a silence has begun · receiver: db"
    body = body_of(NOTICE)
    assert (body["group_status"], body["description"]) == ("notice", NOTICE.text)
    assert plain_text(NOTICE).startswith("By ann.\n")
