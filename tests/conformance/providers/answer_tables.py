"""The tables of docs/reference/answers.md as cases: what a provider answers, and what that has to become."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "answers.md"
TITLES = {
    "fcm": "Firebase Cloud Messaging",
    "apns": "APNs",
    "webpush": "Web push",
    "onesignal": "OneSignal",
    "huawei": "Huawei",
}
_CONDITIONS = frozenset({"again", "others", "after"})
_HEADERS = frozenset({"retry-after", "location"})
_FCM = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_RPC = "type.googleapis.com/google.rpc."


@dataclass(frozen=True)
class Case:
    """One answer of one provider."""

    provider: str
    status: int
    told: Mapping[str, str]
    """What the answer says, and under which conditions it comes."""
    outcome: str
    waits: tuple[float, ...]

    @property
    def name(self) -> str:
        said = ",".join(f"{key}={value}" for key, value in self.told.items())
        return f"{self.provider}-{self.status}-{said[:60] or 'empty'}"

    @property
    def headers(self) -> dict[str, str]:
        return {key: value for key, value in self.told.items() if key in _HEADERS}

    def on(self, key: str) -> str:
        """A condition; empty = none."""
        return self.told.get(key, "")

    def body(self, token: str) -> str:
        """As the provider spells it; `token` is the device's."""
        said = {key: value for key, value in self.told.items() if key not in _CONDITIONS | _HEADERS}
        if "text" in said:
            return said["text"]
        return json.dumps(_SPELLED[self.provider](said, token)) if said else ""


def _fcm(said: Mapping[str, str], token: str) -> dict[str, Any]:
    del token
    if "name" in said:
        return dict(said)
    details: list[dict[str, Any]] = []
    if code := said.get("error"):
        details.append({"@type": _FCM, "errorCode": code})
    if field := said.get("field"):
        details.append({"@type": f"{_RPC}BadRequest", "fieldViolations": [{"field": field, "description": "Invalid"}]})
    if subject := said.get("quota"):
        details.append({"@type": f"{_RPC}QuotaFailure", "violations": [{"subject": subject}]})
    status = said.get("status") or said.get("error", "")
    return {"error": {"message": said.get("message", "No."), "status": status, "details": details}}


def _plain(said: Mapping[str, str], token: str) -> dict[str, Any]:
    del token
    return {key: int(value) if key == "errno" else value for key, value in said.items()}


def _onesignal(said: Mapping[str, str], token: str) -> dict[str, Any]:
    found: dict[str, Any] = {"id": said.get("id", "")}
    if "errors" in said:
        found["errors"] = [said["errors"]]
    if "named" in said:
        found["errors"] = {said["named"]: [token]}
    return found


def _huawei(said: Mapping[str, str], token: str) -> dict[str, Any]:
    report = json.dumps({"success": 0, "failure": 1, said.get("named", ""): [token]})
    return {"code": said["code"], "msg": report if "named" in said else said.get("msg", "No."), "requestId": "1"}


_SPELLED = {"fcm": _fcm, "apns": _plain, "webpush": _plain, "onesignal": _onesignal, "huawei": _huawei}


def _table(title: str) -> Iterator[list[str]]:
    """The cells of the lines of the table under a heading."""
    section = PAGE.read_text("utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _said(cell: str) -> Iterator[dict[str, str]]:
    """`key: a, b` stands for one answer with each of the values; `errors` and `message` are texts, commas and all."""
    pairs = [text.split(": ", 1) for text in re.findall(r"`([^`]+)`", cell)]
    choices = [
        [(key, value)] if key in {"errors", "message", "text"} else [(key, one) for one in value.split(", ")]
        for key, value in pairs
    ]
    for choice in product(*choices):
        yield dict(choice)


def _numbers(cell: str) -> tuple[int, ...]:
    return tuple(int(text) for text in cell.split(",") if text.strip())


def cases() -> list[Case]:
    """Every answer of the five tables."""
    return [
        Case(provider, status, said, outcome.strip("`"), tuple(map(float, _numbers(waits))))
        for provider, title in TITLES.items()
        for statuses, answer, outcome, waits, _ in _table(title)
        for status, said in product(_numbers(statuses), _said(answer))
    ]


def unexplained() -> list[tuple[int, str]]:
    """Statuses without a row, and their classes."""
    return [
        (status, outcome.strip("`"))
        for statuses, outcome in _table("Answers that no table explains")
        for status in _numbers(statuses)
    ]


def classes() -> dict[str, tuple[str, str]]:
    """What becomes of message and token, by class."""
    return {name.strip("`"): (message, token) for name, message, token, _ in _table("Classes")}
