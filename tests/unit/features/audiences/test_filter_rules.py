"""The rules of a filter that need no database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from clarion.features.audiences import Filter, ManagementFilter, filter_of, management_fields
from clarion.features.audiences.compiler import (
    Counts,
    check_codes,
    compile_filter,
    counts_for,
    event_masks,
    sendable,
)
from clarion.features.audiences.model import LIST_LIMIT, PARTS, TagRule, audience_values
from clarion.features.audiences.rules import check, period, version
from clarion.foundation.errors import InvalidInput

BITS = {"install": 0, "reg": 1, "dep": 2, "low": 62, "high": 63, "top": 125}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"all_apps": True, "app_ids_include": [], "app_ids_exclude": [5]},
        {"all_languages": True, "languages_include": [], "languages_exclude": ["pt"]},
        {"all_countries": False, "countries_include": ["pt"]},
        {"all_audiences": False, "audience_groups_include": [1]},
        {"all_apps": False, "app_groups_include": [1]},
        {"event_include": "reg", "event_exclude": ["dep"]},
        {"event_include": "", "event_exclude": ""},
        {"countries_include": ["pt"] * LIST_LIMIT},
        {"tags": [TagRule("plan"), TagRule("plan", contains="%", negate=True)], "last_active_within": "1d6h30m"},
        {"registered_from": datetime(2026, 3, 1, tzinfo=UTC), "registered_to": datetime(2026, 3, 2, tzinfo=UTC)},
        {"app_version_min": "1.9", "app_version_max": "1.10"},
        {"transports_include": ["fcm", "fcm.data"], "transports_exclude": ["apns"]},
        {"external_ids_exclude": [f"u-{number}" for number in range(LIST_LIMIT)]},
    ],
)
def test_these_filters_are_right(fields: dict[str, Any]) -> None:
    check(Filter(**fields))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"all_apps": True, "app_ids_include": [1]}, "app_ids_include must be empty"),
        ({"all_apps": True, "app_groups_include": [1]}, "app_groups_include must be empty"),
        ({"all_countries": True, "countries_include": ["PT"]}, "countries_include must be empty"),
        ({"all_languages": True, "languages_include": ["pt"]}, "languages_include must be empty"),
        ({"all_audiences": True, "audiences_include": ["a"]}, "audiences_include must be empty"),
        ({"all_audiences": True, "audience_groups_include": [1]}, "audience_groups_include must be empty"),
        ({"all_apps": False}, "app_ids_include must not be empty"),
        ({"all_countries": False, "countries_include": []}, "countries_include must not be empty"),
        ({"app_ids_include": [1, 2], "app_ids_exclude": [2]}, "app_ids_include and app_ids_exclude both contain 2"),
        ({"app_groups_include": [3], "app_groups_exclude": [3]}, "app_groups_include and"),
        ({"countries_include": ["pt"], "countries_exclude": ["PT"]}, "both contain 'PT'"),
        ({"languages_include": ["pt"], "languages_exclude": ["pt-BR"]}, "both contain 'pt'"),
        ({"audiences_include": ["a"], "audiences_exclude": ["a"]}, "both contain 'a'"),
        ({"audience_groups_include": [1], "audience_groups_exclude": [1]}, "both contain 1"),
        ({"event_include": "reg", "event_exclude": ["reg"]}, "both contain 'reg'"),
        ({"countries_include": ["PRT"]}, "alpha-2"),
        ({"countries_exclude": [""]}, "alpha-2"),
        ({"languages_include": ["p"]}, "BCP 47"),
        ({"audiences_include": [""]}, "audiences_include has an entry"),
        ({"audiences_exclude": ["a\0"]}, "audiences_exclude has an entry"),
        ({"audiences_include": ["x" * 257]}, "audiences_include has an entry"),
        ({"app_ids_include": list(range(LIST_LIMIT + 1))}, "more than 10000"),
        ({"event_include": ["e"] * (LIST_LIMIT + 1)}, "event_include has more than 10000"),
    ],
)
def test_a_broken_rule_is_named(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        check(Filter(**fields))


@pytest.mark.parametrize(
    ("text", "numbers"), [("1", [1]), ("1.4.0", [1, 4]), ("0.0.0", [0]), ("1.10", [1, 10]), ("1.0.2", [1, 0, 2])]
)
def test_versions_are_compared_by_their_numbers_without_zeros_at_the_end(text: str, numbers: list[int]) -> None:
    assert version("v", text) == numbers


@pytest.mark.parametrize("text", ["", "1.", "v1", "1.2.3.4.5", "1234567890", "1-2", "١"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"such as 1\.4\.0"):
        version("v", text)


@pytest.mark.parametrize(
    ("text", "length"),
    [("30d", timedelta(days=30)), ("1d6h30m", timedelta(days=1, hours=6.5)), ("90m", timedelta(minutes=90))],
)
def test_periods_are_read_in_days_hours_and_minutes(text: str, length: timedelta) -> None:
    assert period("p", text) == length


@pytest.mark.parametrize("text", ["", "0d", "0d0h0m", "30", "1h1d", "-1d", "3651d", "1d ", "٣d"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="such as 30d"):
        period("p", text)


def test_a_filter_of_the_management_api_is_one_in_full_and_back() -> None:
    body = ManagementFilter(all_apps=True, countries_include=["PT"])
    full = Filter(all_apps=True, countries_include=["PT"], platforms_include=["ios"])
    assert filter_of(body) == Filter(all_apps=True, countries_include=["PT"])
    assert filter_of(full) == full
    assert ManagementFilter(**management_fields(full)) == body


def test_every_field_but_those_of_apps_belongs_to_one_part() -> None:
    apps = {"all_apps", "app_ids_include", "app_ids_exclude", "app_groups_include", "app_groups_exclude"}
    flags = {"all_countries", "all_languages"}
    named = [name for names in PARTS.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named) | apps | flags == set(Filter.__struct_fields__)


def test_a_filter_that_is_stored_without_extensions_stays_valid() -> None:
    stored = {"all_apps": True, "countries_include": ["PT"], "event_include": "reg"}
    assert msgspec.to_builtins(msgspec.convert(stored, Filter)) == stored


def test_conditions_tell_which_counts_answer_them() -> None:
    def asked(**fields: Any) -> Counts:
        return counts_for(compile_filter(Filter(**fields), account_id=1, bits=BITS))

    plain = {"countries_include": ["PT"], "languages_exclude": ["pt"], "transports_include": ["fcm"]}
    assert asked() is Counts.PLAIN
    assert asked(**plain, platforms_exclude=["ios"]) is Counts.PLAIN
    assert asked(**plain, event_include="reg") is Counts.WITH_EVENTS
    for more in ({"audiences_include": ["a"]}, {"tags": [TagRule("k")]}, {"platform_names_include": ["ios_17"]}):
        assert asked(**plain, **more) is Counts.NONE


def test_an_error_does_not_echo_a_huge_value() -> None:
    with pytest.raises(InvalidInput) as raised:
        check(Filter(countries_include=["x" * 100_000]))
    assert len(str(raised.value)) < 200


def test_audience_values_match_with_and_without_the_accounts_suffix() -> None:
    assert audience_values(["vip_7", "new"], 7) == ["new", "vip", "vip_7"]
    assert audience_values(["vip_8"], 7) == ["vip_8"]


def test_event_masks_reach_from_the_first_bit_to_the_last() -> None:
    assert event_masks(["reg", "low"], BITS) == (1 << 1 | 1 << 62, 0)
    assert event_masks(["high", "top"], BITS) == (0, 1 | 1 << 62)
    assert event_masks(["gone"], BITS) == (0, 0)


def test_unknown_event_codes_are_refused_on_both_sides() -> None:
    check_codes(Filter(event_include="reg", event_exclude=["dep", "install"]), BITS)
    for filter_ in (Filter(event_include=["reg", "x"]), Filter(event_exclude="x")):
        with pytest.raises(InvalidInput, match="'x' does not exist"):
            check_codes(filter_, BITS)


def test_values_never_become_sql_text() -> None:
    hostile = "'; drop table device; --"
    conditions = compile_filter(Filter(audiences_include=[hostile], event_include=hostile), account_id=1, bits={})
    assert hostile not in conditions.sql
    assert hostile in conditions.parameters["f_audiences"]


def test_sendable_keeps_the_filters_parameters() -> None:
    narrowed = sendable(compile_filter(Filter(countries_include=["pt"]), account_id=1, bits={}), ["fcm"])
    assert narrowed.parameters == {"f_countries": ["PT"], "f_of_transports": ["fcm"]}
