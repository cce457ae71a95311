"""What a start decides before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.errors import ConfigurationError
from sentinel.settings import UP_CHOSE, UP_PREFECT, Settings, keep_settings, set_by
from sentinel.up import services
from sentinel.up.home import Home
from sentinel.up.plan import Options, make_plan
from sentinel.up.rollout import Rollout, demo_paused, demo_to_pause


def settings(tmp_path: Path, **given: object) -> Settings:
    values = {"home": tmp_path, "api_port": 0, "dashboard_port": 0, "prefect_port": 0, **given}
    return Settings.model_validate(values)


def test_no_two_parts_get_the_same_port(tmp_path: Path) -> None:
    plan = make_plan(settings(tmp_path), Options(), {})
    assert len({plan.api_port, plan.dashboard_port, plan.prefect_port, plan.postgres_port}) == 4


def test_a_given_prefect_is_used_and_the_profile_of_its_user_with_it(tmp_path: Path) -> None:
    variables = {"PREFECT_API_URL": "http://prefect.example/api/", "PREFECT_API_KEY": "key"}
    plan = make_plan(settings(tmp_path), Options(), variables)
    environment = plan.environment("sqlite:///x", variables)
    assert plan.given_prefect == "http://prefect.example/api"
    assert environment["PREFECT_API_URL"] == "http://prefect.example/api"
    assert environment["PREFECT_API_KEY"] == "key"
    assert "PREFECT_HOME" not in environment


def test_our_own_prefect_never_sees_the_credentials_of_another(tmp_path: Path) -> None:
    plan = make_plan(settings(tmp_path), Options(), {})
    environment = plan.environment("sqlite:///x", {"PREFECT_API_KEY": "key"})
    assert "PREFECT_API_KEY" not in environment
    assert environment["PREFECT_HOME"] == str(tmp_path / "prefect")


def test_our_own_prefect_asks_for_a_login_and_lets_only_its_own_pages_in(tmp_path: Path) -> None:
    plan = make_plan(settings(tmp_path), Options(), {})
    login = tmp_path / "prefect-login"
    environment = plan.environment("sqlite:///x", {"PREFECT_API_AUTH_STRING": "of:another"})
    assert login.stat().st_mode & 0o777 == 0o600
    assert login.read_text().strip() == environment["PREFECT_API_AUTH_STRING"]
    assert environment["PREFECT_API_AUTH_STRING"].startswith("sentinel:")
    assert environment["SENTINEL_PREFECT_AUTH_STRING"] == environment["PREFECT_API_AUTH_STRING"]
    part = services.prefect_server(plan, environment, "sqlite+aiosqlite:///p.db").environment
    assert part["PREFECT_SERVER_API_AUTH_STRING"] == environment["PREFECT_API_AUTH_STRING"]
    origins = part["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert set(origins) == {
        f"http://{host}:{plan.prefect_port}" for host in ("127.0.0.1", "localhost")
    }
    again = make_plan(settings(tmp_path), Options(), {})
    assert again.prefect_login == plan.prefect_login


def test_a_login_that_a_person_chose_for_our_prefect_stands(tmp_path: Path) -> None:
    chosen = {"PREFECT_SERVER_API_AUTH_STRING": "ann:secret"}
    plan = make_plan(settings(tmp_path), Options(), chosen)
    environment = plan.environment("sqlite:///x", chosen)
    assert environment["PREFECT_API_AUTH_STRING"] == "ann:secret"
    part = services.prefect_server(plan, environment, "sqlite+aiosqlite:///p.db").environment
    assert part["PREFECT_SERVER_API_AUTH_STRING"] == "ann:secret"
    assert not (tmp_path / "prefect-login").exists()


def test_the_parts_know_the_prefect_that_was_started_and_whose_login_they_have(
    tmp_path: Path,
) -> None:
    """The dashboard saves the address of ours as none, and checks an address without our login."""
    plan = make_plan(settings(tmp_path), Options(), {})
    part = plan.environment("sqlite:///x", {})
    assert part[UP_PREFECT] == part["PREFECT_API_URL"]
    assert "SENTINEL_PREFECT_AUTH_STRING" in part[UP_CHOSE].split(",")
    persons = make_plan(settings(tmp_path, prefect_auth_string="ann:secret"), Options(), {})
    assert "AUTH_STRING" not in persons.environment("sqlite:///x", {})[UP_CHOSE]
    given = {"PREFECT_API_URL": "http://prefect.example/api", "PREFECT_API_KEY": "pnu_key"}
    part = make_plan(settings(tmp_path), Options(), given).environment("sqlite:///x", given)
    assert part[UP_PREFECT] == ""
    assert "AUTH_STRING" not in part[UP_CHOSE]


def test_a_second_terminal_knows_what_channels_may_reach(tmp_path: Path) -> None:
    chosen = settings(tmp_path, allowed_networks="10.1.0.0/16")
    shared = make_plan(chosen, Options(), {}).shared("sqlite:///x")
    assert shared["SENTINEL_ALLOWED_NETWORKS"] == "10.1.0.0/16"
    assert "SENTINEL_ALLOWED_NETWORKS" not in make_plan(
        settings(tmp_path, allowed_networks=""), Options(), {}
    ).shared("sqlite:///x")


def test_the_login_that_is_set_for_a_given_prefect_reaches_every_process(tmp_path: Path) -> None:
    given = {"PREFECT_API_URL": "http://prefect.example/api"}
    chosen = settings(tmp_path, prefect_auth_string="ann:secret")
    environment = make_plan(chosen, Options(), given).environment("sqlite:///x", given)
    assert environment["PREFECT_API_AUTH_STRING"] == "ann:secret"
    assert environment["SENTINEL_PREFECT_AUTH_STRING"] == "ann:secret"
    assert not (tmp_path / "prefect-login").exists()


def test_our_login_goes_to_no_prefect_of_another(tmp_path: Path) -> None:
    given = {"PREFECT_API_URL": "http://prefect.example/api", "PREFECT_API_AUTH_STRING": "a:b"}
    environment = make_plan(settings(tmp_path), Options(), given).environment("sqlite:///x", given)
    assert environment["PREFECT_API_AUTH_STRING"] == "a:b"
    assert "SENTINEL_PREFECT_AUTH_STRING" not in environment


def test_a_database_is_embedded_only_where_somebody_needs_it(tmp_path: Path) -> None:
    url = "postgresql+psycopg://db.example/sentinel"
    given = {"PREFECT_API_URL": "http://prefect.example/api"}
    assert make_plan(settings(tmp_path), Options(), {}).wants_postgres
    assert make_plan(settings(tmp_path, database_url=url), Options(), {}).wants_postgres
    assert not make_plan(settings(tmp_path, database_url=url), Options(), given).wants_postgres
    assert not make_plan(settings(tmp_path), Options(sqlite=True), {}).wants_postgres
    assert not make_plan(settings(tmp_path, database="sqlite"), Options(), {}).wants_postgres


def test_a_server_setting_that_a_person_made_stands(tmp_path: Path) -> None:
    plan = make_plan(settings(tmp_path), Options(), {})
    own = "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS"
    environment = plan.environment("sqlite:///x", {own: "7"})
    part = services.prefect_server(plan, environment, "sqlite+aiosqlite:///p.db")
    assert part.environment[own] == "7"
    assert part.environment["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"] == "events,flow_runs"
    assert part.environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == "sqlite+aiosqlite:///p.db"


def test_prefect_takes_every_server_setting_as_we_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings import Settings as PrefectSettings

    plan = make_plan(settings(tmp_path), Options(), {})
    part = services.prefect_server(plan, plan.environment("sqlite:///x", {}), "sqlite+aiosqlite://")
    for name, value in part.environment.items():
        if name.startswith("PREFECT_SERVER_"):
            monkeypatch.setenv(name, value)
    understood = PrefectSettings().server.services
    assert understood.db_vacuum.enabled == {"events", "flow_runs"}
    assert understood.scheduler.min_scheduled_time.total_seconds() == 600


RULES = """
deployments:
  - name: disk
    tags: [sentinel]
  - name: demo-cpu
    tags: [sentinel, demo]
"""


def test_no_demo_leaves_the_demo_rules_out_and_a_demo_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(RULES)
    assert Rollout(file, demo=False).names == ["disk"]
    assert Rollout(file, demo=True).names == ["demo-cpu", "disk"]


def test_no_demo_pauses_the_demo_rules_of_an_earlier_start_and_no_others(tmp_path: Path) -> None:
    home, file = Home(tmp_path / "home"), tmp_path / "prefect.yaml"
    home.prepare()
    file.write_text(RULES)
    there = [
        {"id": "1", "name": "demo-cpu", "paused": False},
        {"id": "2", "name": "my-demo-pack", "paused": False},
    ]
    Rollout(file, demo=False).keep_demo(home)
    assert demo_to_pause(home, there) == []
    Rollout(file, demo=True).keep_demo(home)
    assert demo_to_pause(home, there) == ["1"]
    assert demo_to_pause(home, [{**there[0], "paused": True}]) == []
    demo_paused(home)
    assert demo_to_pause(home, there) == []  # who deploys it from now on means it


@pytest.mark.parametrize("content", ["", "deployments: 3", "deployments: [{}]", "a: [", "- 1"])
def test_a_malformed_prefect_yaml_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"prefect\.yaml"):
        Rollout(file, demo=True)


def test_the_same_rules_are_rolled_out_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    file = tmp_path / "prefect.yaml"
    file.write_text(RULES)
    rules = Rollout(file, demo=True)
    digest = rules.digest("http://prefect.example/api")
    assert not rules.is_done(home, digest)
    rules.done(home, digest)
    assert rules.is_done(home, digest)
    assert rules.missing(["disk"]) == ["demo-cpu"]
    assert Rollout(file, demo=False).digest("http://prefect.example/api") != digest


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_the_dashboard_listens_to_this_machine_unless_something_before_it_asks_for_a_login(
    tmp_path: Path, host: str
) -> None:
    """A token keeps strangers from the API, and from nothing in the dashboard."""
    alone = settings(tmp_path, host=host, api_token="chosen", dashboard_port=8501)
    assert "--server.address=127.0.0.1" in services.dashboard_of(alone)
    guarded = alone.model_copy(update={"dashboard_behind_login": True})
    assert f"--server.address={host}" in services.dashboard_of(guarded)


def test_a_start_has_the_api_listen_to_others_and_the_dashboard_to_this_machine(
    tmp_path: Path,
) -> None:
    plan = make_plan(settings(tmp_path, host="0.0.0.0", api_token="chosen"), Options(), {})
    assert "--server.address=127.0.0.1" in services.dashboard(plan, {}).command
    assert plan.environment("sqlite:///x", {})["SENTINEL_HOST"] == "0.0.0.0"
    assert plan.dashboard == f"http://127.0.0.1:{plan.dashboard_port}"


def test_an_address_saved_on_the_page_is_used_by_the_next_start_and_may_be_changed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SENTINEL_PREFECT_API_URL", "SENTINEL_PREFECT_UI_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    keep_settings(tmp_path, {"prefect_api_url": "http://prefect.example/api"})
    plan = make_plan(Settings(), Options(), {})
    part = plan.environment("sqlite:///x", {})
    assert plan.given_prefect == part["PREFECT_API_URL"] == "http://prefect.example/api"
    assert set_by("prefect_api_url", part) == ""
    monkeypatch.setenv("PREFECT_API_URL", "http://other.example/api")
    given = make_plan(Settings(), Options())
    part = given.environment("sqlite:///x", {})
    assert given.given_prefect == "http://other.example/api"
    assert set_by("prefect_api_url", part) != ""
    assert set_by("prefect_ui_url", part) == ""


def test_with_a_certificate_api_and_dashboard_are_reached_by_tls(tmp_path: Path):
    chosen = settings(tmp_path, tls_certificate=tmp_path / "cert.pem", dashboard_port=8501)
    plan = make_plan(chosen, Options(), {})
    assert plan.api.startswith("https://")
    assert plan.dashboard.startswith("https://")
    # A second terminal, which has no such setting, asks by TLS too.
    assert plan.shared("")["SENTINEL_TLS_CERTIFICATE"] == str(tmp_path / "cert.pem")
    command = services.dashboard_of(chosen)
    assert "dashboard.secured" in command
    assert f"--server.sslKeyFile={tmp_path / 'cert.pem'}" in command, "the key is in the same file"
    assert "dashboard.secured" not in services.dashboard_of(settings(tmp_path))
    named = chosen.model_copy(update={"dashboard_url": "https://alerts.example.org"})
    assert make_plan(named, Options(), {}).dashboard == "https://alerts.example.org"


def test_the_public_pages_are_served_only_where_they_have_an_address(tmp_path: Path) -> None:
    without = make_plan(settings(tmp_path), Options(), {})
    assert (without.public_port, without.public_pages) == (0, "")
    assert not [name for name in without.shared("sqlite:///x") if "PUBLIC" in name]
    chosen = settings(tmp_path, public_url="ack.example.org/s/", public_port=0, host="0.0.0.0")
    plan = make_plan(chosen, Options(), {})
    environment = plan.environment("sqlite:///x", {})
    assert plan.public_pages == f"http://127.0.0.1:{plan.public_port}"
    assert environment["SENTINEL_PUBLIC_URL"] == "http://ack.example.org/s"
    assert environment["SENTINEL_PUBLIC_HOST"] == "127.0.0.1"
    assert environment["SENTINEL_PUBLIC_PORT"] == str(plan.public_port)
    assert plan.public_port not in (plan.api_port, plan.dashboard_port, plan.prefect_port)
    command = services.public_pages(plan, environment).command
    assert command[1:] == ["-m", "sentinel.cli", "public-pages"]
    with pytest.raises(ConfigurationError, match="SENTINEL_PUBLIC_URL"):
        make_plan(settings(tmp_path, public_url="ftp://x"), Options(), {})
