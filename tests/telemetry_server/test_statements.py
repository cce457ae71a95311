"""What a request of ClickHouse's HTTP interface asks for."""

from __future__ import annotations

import pytest

from sentinel.telemetry_server.statements import BadRequest, literal, read_request


def test_a_query_in_the_body_names_its_format_itself() -> None:
    asked = read_request([("database", "sentinel")], b"SELECT 1\n FORMAT Native ;")
    assert (asked.sql, asked.format, asked.data) == ("SELECT 1\n", "Native", None)
    assert asked.database == "sentinel"


def test_without_a_format_clause_the_header_says_it_or_the_address() -> None:
    body = b"SELECT 'format x' AS a"
    assert read_request([], body).format == "TabSeparated"
    assert read_request([("default_format", "CSV")], body).format == "CSV"
    assert read_request([("default_format", "CSV")], body, "Native").format == "Native"
    assert read_request([], body).sql == body.decode()


def test_rows_follow_an_insert_in_the_body_or_are_the_body() -> None:
    statement = "INSERT INTO `a`.`b` (`x`, `format`) FORMAT Native"
    for asked in (
        read_request([("query", statement)], b"\x00\nrows"),
        read_request([], statement.encode() + b"\n\x00\nrows"),
    ):
        assert asked.sql == "INSERT INTO `a`.`b` (`x`, `format`)"
        assert (asked.format, asked.data) == ("Native", b"\x00\nrows")


def test_an_insert_of_a_query_is_a_statement_as_any_other() -> None:
    asked = read_request([], b"INSERT INTO a SELECT 1")
    assert (asked.sql, asked.data) == ("INSERT INTO a SELECT 1", None)


def test_parameters_and_settings_are_told_from_the_interface_s_own() -> None:
    asked = read_request(
        [("param_a", "x"), ("max_threads", "1"), ("query_id", "7"), ("readonly", "0")], b"SELECT 1"
    )
    assert asked.parameters == {"a": "x"}
    assert asked.settings == {"max_threads": "1"}  # a request does not decide what it may do


@pytest.mark.parametrize(
    ("query", "body", "why"),
    [
        ([], b" \n", "no query"),
        ([], b"SELECT '\xff'", "not UTF-8"),
        ([("max_threads=1; DROP", "1")], b"SELECT 1", "name of no setting"),
    ],
)
def test_what_is_no_request_is_refused(query: list[tuple[str, str]], body: bytes, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read_request(query, body)


def test_a_literal_ends_where_the_text_ends() -> None:
    assert literal("it's a \\") == "'it\\'s a \\\\'"
