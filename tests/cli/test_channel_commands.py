"""`sentinel channel …` on a real Prefect server, with real receivers at the other end."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from typing import Any

import pytest

from sentinel.store import Store
from tests.blocks.smtp_server import PASSWORD, USER, MailServer, serving
from tests.cli.shell import Run
from tests.prefect_server import PrefectServer, Receiver, free_port

pytestmark = pytest.mark.prefect

SECRET = "/services/T000/B000/s3cret"


@pytest.fixture
def sentinel(
    run: Run, connected: PrefectServer, monkeypatch: pytest.MonkeyPatch, migrated_sqlite: Any,
    tmp_path: Any,
) -> Generator[Run]:  # fmt: skip
    """The command line between a Prefect server and an empty database."""
    import shutil

    shutil.copy(migrated_sqlite, tmp_path / "sentinel.db")
    monkeypatch.setenv("SENTINEL_DATABASE_URL", f"sqlite:///{tmp_path / 'sentinel.db'}")
    monkeypatch.setenv("PREFECT_API_URL", connected.url)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    remove_channels(run)  # what other tests left on the server that they share
    yield run
    remove_channels(run)


@pytest.fixture
def mail() -> Generator[MailServer]:
    with serving() as server:
        yield server


def remove_channels(run: Run) -> None:
    for ref in listed(run):
        if ref != "inbox":
            run("channel", "remove", ref, "--force")


def listed(run: Run) -> dict[str, dict[str, Any]]:
    code, out, err = run("channel", "list", "--json")
    assert code == 0, err
    return {one["channel"]: one for one in json.loads(out)["items"]}


def test_a_slack_channel_is_added_listed_and_tested(sentinel: Run, receiver: Receiver) -> None:
    url = receiver.url + SECRET
    code, out, err = sentinel("channel", "add", "slack", "team-chat", "--url", url, "-r", "default")
    assert code == 0, err
    assert "s3cret" not in out + err
    assert listed(sentinel)["slack-incoming-webhook/team-chat"] == {
        "channel": "slack-incoming-webhook/team-chat", "state": "untried", "receivers": ["default"],
        "error": "", "breaker": "closed", "next_try_at": None,
    }  # fmt: skip
    code, out, _ = sentinel("channel", "test", "team-chat")
    assert (code, out) == (0, "slack-incoming-webhook/team-chat accepted the test message.\n")
    assert listed(sentinel)["slack-incoming-webhook/team-chat"]["state"] == "healthy"
    said = json.loads(receiver.requests[0].body)
    assert "Test message: nothing is wrong" in said["text"]


def test_a_secret_may_come_from_standard_input(
    sentinel: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{receiver.url}{SECRET}\n"))
    assert sentinel("channel", "add", "slack", "piped", "--url", "-")[0] == 0
    assert sentinel("channel", "test", "piped")[0] == 0
    assert len(receiver.requests) == 1


def test_an_email_channel_is_added_and_its_resolve_answers_its_first_mail(
    sentinel: Run, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SMTP_PASSWORD", PASSWORD)
    code, out, err = sentinel(
        "channel", "add", "email", "ops", "--to", "ops@example.org", "--to", "b@example.org",
        "--from", "Sentinel <s@example.org>", "--host", "127.0.0.1", "--port", str(mail.port),
        "--security", "insecure", "--username", USER,
    )  # fmt: skip
    assert code == 0, err
    assert PASSWORD not in out + err
    code, _, err = sentinel("channel", "test", "sentinel-email/ops", "--end")
    assert code == 0, err
    first, end = (one.message for one in mail.mails)
    assert mail.mails[0].recipients == ["ops@example.org", "b@example.org"]
    assert end["In-Reply-To"] == first["Message-ID"]
    assert end["Subject"] == "[resolved] Test message: nothing is wrong"


def test_a_webhook_channel_is_added_and_signed(
    sentinel: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", "a-shared-secret")
    assert sentinel("channel", "add", "webhook", "hook", "--url", receiver.url)[0] == 0
    code, out, _ = sentinel("channel", "test", "hook", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert receiver.requests[0].headers["X-Sentinel-Signature-256"].startswith("sha256=")


def test_a_channel_of_any_type_is_added_by_its_word(
    sentinel: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_PAGERDUTY_ROUTING_KEY", "R0UT1NGK3Y")
    add = ("channel", "add", "pagerduty", "oncall")
    code, out, err = sentinel(*add, "--set", f"url={receiver.url}/v2/enqueue", "-r", "default")
    assert code == 0, err
    assert "R0UT1NGK3Y" not in out + err
    assert sentinel("channel", "test", "sentinel-pagerduty/oncall", "--end")[0] == 0
    actions = [json.loads(one.body)["event_action"] for one in receiver.requests]
    assert actions == ["trigger", "resolve"]
    for more, said in (
        (("--set", "colour=red"), "pagerduty takes: routing_key, url, urgency, timeout"),
        (("--set", "urgency"), "Write --set FIELD=VALUE"),
        (("--set", "urgency=loud"), "urgency"),
        ((), "exists already"),
    ):
        code, _, err = sentinel(*add, *more)
        assert (code != 0, said in err) == (True, True), err
    monkeypatch.delenv("ALERT_PAGERDUTY_ROUTING_KEY")
    code, _, err = sentinel("channel", "add", "pagerduty", "other")
    assert (code, "Set ALERT_PAGERDUTY_ROUTING_KEY" in err) == (2, True), (code, err)


def test_a_slack_app_is_saved_with_its_token_in_a_block_of_prefect_slack(
    sentinel: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SLACK_APP_CREDENTIALS", "xoxb-s3cret")
    receiver.says = b'{"ok": true, "channel": "C024BE91L", "ts": "1503435956.000247"}'
    add = ("channel", "add", "slack-app", "team", "--set", f"url={receiver.url}",
           "--set", "channel=C024BE91L")  # fmt: skip
    code, out, err = sentinel(*add)
    assert code == 0, err
    assert "s3cret" not in out + err
    code, _, err = sentinel("channel", "test", "sentinel-slack-app/team", "--end")
    assert code == 0, err
    assert [one.path for one in receiver.requests] == [
        "/chat.postMessage", "/chat.update", "/chat.postMessage",
    ]  # fmt: skip
    assert receiver.requests[0].headers["Authorization"] == "Bearer xoxb-s3cret"
    assert "exists already" in sentinel(*add)[2]
    other = ("channel", "add", "slack-app", "other", "--set", "channel=C024BE91M")
    assert sentinel(*other, "--set", "credentials=team")[0] == 0
    code, _, err = sentinel(*other, "--set", "credentials=nobody", "--replace")
    assert (code, "there is no block slack-credentials/nobody" in err) == (2, True), err
    # The token is deleted with the last channel that uses it.
    assert "slack-credentials" not in sentinel("channel", "remove", "other")[1]
    code, out, _ = sentinel("channel", "remove", "sentinel-slack-app/team")
    assert (code, out) == (0, "Removed sentinel-slack-app/team and slack-credentials/team.\n")


def test_a_failed_delivery_is_exit_code_one(sentinel: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}{SECRET}"
    sentinel("channel", "add", "slack", "dead", "--url", url)
    code, _, err = sentinel("channel", "test", "dead")
    assert code == 1
    assert "the Slack webhook at 127.0.0.1 did not answer" in err
    assert "s3cret" not in err


def test_one_that_exists_is_replaced_only_when_asked(sentinel: Run, receiver: Receiver) -> None:
    add = ("channel", "add", "slack", "twice", "--url")
    assert sentinel(*add, "https://old.example/x")[0] == 0
    code, _, err = sentinel(*add, receiver.url)
    assert code == 4
    assert "the block slack-incoming-webhook/twice exists already" in err
    assert sentinel(*add, receiver.url, "--replace")[0] == 0
    assert sentinel("channel", "test", "twice")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("slack", "x", "--url", "nonsense-s3cret"), "does not begin with https://"),
        (("slack", "No Good", "--url", "https://a.example/s3cret"), "name"),
        (("webhook", "x", "--url", "https://a.example/", "--secret", "s3cret"), "secret"),
        (
            ("email", "x", "--to", "a@x.org", "--from", "a@x.org", "--host", "h",
             "--username", "u"),
            "--password is missing",
        ),
        (("email", "x", "--to", "nobody", "--from", "a@x.org", "--host", "h"), "a mail address"),
        (
            ("email", "x", "--to", "a@x.org", "--from", "a@x.org", "--host", "h",
             "--security", "magic"),
            "starttls, ssl or insecure",
        ),
    ],
)  # fmt: skip
def test_invalid_input_is_refused_before_anything_is_saved(
    sentinel: Run, arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = sentinel("channel", "add", *arguments)
    assert code == 2
    assert said in err
    assert "s3cret" not in err
    assert list(listed(sentinel)) == ["inbox"]


def test_a_channel_in_use_is_kept_unless_forced(sentinel: Run, mail: MailServer) -> None:
    sentinel(
        "channel", "add", "email", "leaves", "--to", "a@x.org", "--from", "s@x.org", "--host",
        "127.0.0.1", "--port", str(mail.port), "--security", "insecure", "-r", "night",
    )  # fmt: skip
    code, _, err = sentinel("channel", "remove", "leaves")
    assert code == 4
    assert "sentinel-email/leaves is a channel of night" in err
    code, out, _ = sentinel("channel", "remove", "leaves", "--force", "--json")
    assert code == 0
    # The mail server's password goes with it.
    assert json.loads(out)["removed"] == [
        "sentinel-email/leaves",
        "email-server-credentials/leaves",
    ]
    (receiver,) = [
        one for one in json.loads(sentinel("receiver", "list", "--json")[1])["items"]
        if one["name"] == "night"
    ]  # fmt: skip
    assert receiver["channels"] == ["inbox"]


def test_a_receiver_with_a_missing_channel_stands_out(sentinel: Run) -> None:
    code, out, _ = sentinel("receiver", "set", "night", "-c", "sentinel-webhook/gone")
    assert code == 0
    assert "Warning: Prefect has no block sentinel-webhook/gone" in out
    assert listed(sentinel)["sentinel-webhook/gone"]["state"] == "missing"
    assert "missing" in sentinel("channel", "list")[1]


def test_the_inbox_can_be_tested_too(sentinel: Run, tmp_path: Any) -> None:
    assert sentinel("channel", "test", "inbox")[0] == 0
    store = Store(f"sqlite:///{tmp_path / 'sentinel.db'}")
    assert [one.title for one in store.inbox.page()] == ["[low] Test message: nothing is wrong"]
    store.close()


def test_an_unknown_channel_is_not_found(sentinel: Run) -> None:
    assert sentinel("channel", "test", "nobody")[0] == 3
    assert sentinel("channel", "remove", "nobody")[0] == 3


@pytest.mark.slow
def test_variables_of_other_systems_become_channels_of_the_default_receiver(
    sentinel: Run, receiver: Receiver, mail: MailServer, tmp_path: Any
) -> None:
    (tmp_path / ".env").write_text(
        f"ALERT_SLACK_WEBHOOK_URL={receiver.url}{SECRET}\n"
        f"ALERT_WEBHOOK_URL={receiver.url}\nALERT_WEBHOOK_SECRET=a-shared-secret\n"
        f"ALERT_SMTP_SERVER=127.0.0.1\nALERT_SMTP_PORT={mail.port}\n"
        f"ALERT_SMTP_SECURITY=insecure\nALERT_SMTP_USER={USER}\nALERT_SMTP_PASSWORD={PASSWORD}\n"
        "ALERT_EMAIL_FROM=s@example.org\nALERT_EMAIL_TO=a@example.org, b@example.org\n"
    )
    made = ["slack-incoming-webhook/env", "sentinel-email/env", "sentinel-webhook/env"]
    code, out, err = sentinel("channel", "sync", "--json")
    assert code == 0, err
    assert [(one["ref"], one["new"]) for one in json.loads(out)["items"]] == [
        (ref, True) for ref in made
    ]
    for ref in made:
        assert sentinel("channel", "test", ref)[0] == 0
        assert listed(sentinel)[ref]["receivers"] == ["default"]
    assert mail.mails[0].recipients == ["a@example.org", "b@example.org"]
    # Whoever takes one out of the receiver wants it out, also after the next start.
    sentinel("receiver", "set", "default", "-c", "inbox", "-c", "sentinel-email/env")
    assert sentinel("channel", "sync")[1].count("up to date") == 3
    assert listed(sentinel)["slack-incoming-webhook/env"]["receivers"] == []


def test_without_variables_no_channel_is_created(sentinel: Run) -> None:
    assert sentinel("channel", "sync")[1] == "No ALERT_ variable defines a channel.\n"
    assert list(listed(sentinel)) == ["inbox"]


def test_a_variable_that_cannot_be_used_is_named_without_its_value(
    sentinel: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SMTP_SECURITY", "s3cret")
    code, _, err = sentinel("channel", "sync")
    assert code == 2
    assert "ALERT_SMTP_SECURITY" in err
    assert "s3cret" not in err


def test_a_prefect_that_does_not_answer_is_exit_code_five(
    sentinel: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
        assert sentinel("channel", "list")[0] == 5
        add = ("channel", "add", "slack", "x", "--url", "https://a.example/s3cret")
        code, _, err = sentinel(*add)
        assert code == 5
        assert "s3cret" not in err


def test_variables_of_which_one_cannot_be_used_save_nothing(
    sentinel: Run, receiver: Receiver, tmp_path: Any
) -> None:
    given = (
        f"ALERT_SLACK_WEBHOOK_URL={receiver.url}{SECRET}\n"
        "ALERT_SMTP_SERVER=127.0.0.1\nALERT_SMTP_USER=somebody\n"
        "ALERT_EMAIL_FROM=s@example.org\nALERT_EMAIL_TO=a@example.org\n"
    )
    (tmp_path / ".env").write_text(given)
    code, _, err = sentinel("channel", "sync")
    assert (code, "ALERT_SMTP_PASSWORD" in err) == (2, True)
    before = listed(sentinel)
    assert before.get("slack-incoming-webhook/env", {}).get("receivers", []) == []
    (tmp_path / ".env").write_text(given + "ALERT_SMTP_PASSWORD=it-is-there\n")
    assert sentinel("channel", "sync")[0] == 0
    assert listed(sentinel)["sentinel-email/env"]["receivers"] == ["default"]
