"""All settings, read from the environment once (spec: docs/reference/settings.md).

A wrong value stops the start with one line that names the variable, its fault and what is allowed.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import Secret

_CORES = os.cpu_count() or 1
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_HOST_PORT = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast one credential (or origin) of a provider is served."""

    per_second: float
    """Messages per second; 0 = unlimited."""
    warmup: float
    """Seconds from the first message to the full rate; 0 = none."""


UNLIMITED = Rate(0.0, 0.0)


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    lowered = value.lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    raise ValueError("is not a yes or no: use true or false")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return number

    return parse


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return parse


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(c.isspace() for c in value) or len(value) > 2048:
        raise ValueError("must be an address that begins with http:// or https://")
    if not _names_a_host(value):
        raise ValueError("must be an address with a host and, if any, a port from 0 to 65535")
    return value.rstrip("/")


def _names_a_host(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and (parts.port is None or parts.port >= 0)
    except ValueError:
        return False


def _database_url(value: str) -> Secret:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be an address such as postgresql://user:password@host/database")
    return Secret(value)


def _contact(value: str) -> str:
    if not value.startswith(("mailto:", "https://")) or any(c.isspace() for c in value) or len(value) > 256:
        raise ValueError("must be an address that begins with mailto: or https://")
    return value


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _hosts(value: str) -> tuple[str, ...]:
    hosts = _names(value)
    for host in hosts:
        if not _HOST_PORT.fullmatch(host):
            raise ValueError(f"must be a list of hosts, each with a port if needed, without https://: {host}")
    return hosts


def _urls(value: str) -> tuple[str, ...]:
    urls = _names(value)
    for url in urls:
        _url(url)
    return urls


def _file(value: str) -> str:
    if not Path(value).is_file():
        raise ValueError(f"names a file that does not exist: {value}")
    return value


def _setting(variable: str, default: Any, parse: Callable[[str], Any] = _text) -> Any:
    return field(default=default, metadata={"variable": variable, "parse": parse})


_RATE = _number(0, 1_000_000)
_WARMUP = _number(0, 86_400)


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings. Field order is the order of the reference page."""

    database_url: Secret | None = _setting("CLARION_DATABASE_URL", None, _database_url)
    data_dir: Path = _setting("CLARION_DATA_DIR", Path("clarion-data"), Path)
    host: str = _setting("CLARION_HOST", "127.0.0.1")
    port: int = _setting("CLARION_PORT", 8080, _whole(0, 65535))
    public_url: str | None = _setting("CLARION_PUBLIC_URL", None, _url)
    master_key: Secret | None = _setting("CLARION_MASTER_KEY", None, Secret)
    instant_delay_sec: int = _setting("CLARION_INSTANT_DELAY_SEC", 120, _whole(0, 86_400))
    update_interval_sec: int = _setting("CLARION_UPDATE_INTERVAL_SEC", 120, _whole(1, 86_400))
    created_status_201: bool = _setting("CLARION_CREATED_STATUS_201", False, _flag)
    retry_base_sec: float = _setting("CLARION_RETRY_BASE_SEC", 10.0, _number(0.01, 600))
    fcm_rate_per_sec: float = _setting("CLARION_FCM_RATE_PER_SEC", 9000.0, _RATE)
    fcm_warmup_sec: float = _setting("CLARION_FCM_WARMUP_SEC", 60.0, _WARMUP)
    apns_rate_per_sec: float = _setting("CLARION_APNS_RATE_PER_SEC", 0.0, _RATE)
    apns_warmup_sec: float = _setting("CLARION_APNS_WARMUP_SEC", 0.0, _WARMUP)
    webpush_rate_per_sec: float = _setting("CLARION_WEBPUSH_RATE_PER_SEC", 0.0, _RATE)
    webpush_warmup_sec: float = _setting("CLARION_WEBPUSH_WARMUP_SEC", 0.0, _WARMUP)
    onesignal_rate_per_sec: float = _setting("CLARION_ONESIGNAL_RATE_PER_SEC", 100.0, _RATE)
    onesignal_warmup_sec: float = _setting("CLARION_ONESIGNAL_WARMUP_SEC", 0.0, _WARMUP)
    huawei_rate_per_sec: float = _setting("CLARION_HUAWEI_RATE_PER_SEC", 0.0, _RATE)
    huawei_warmup_sec: float = _setting("CLARION_HUAWEI_WARMUP_SEC", 0.0, _WARMUP)
    onesignal_batch: int = _setting("CLARION_ONESIGNAL_BATCH", 2000, _whole(1, 2000))
    huawei_batch: int = _setting("CLARION_HUAWEI_BATCH", 100, _whole(1, 1000))
    retry_budget_percent: float = _setting("CLARION_RETRY_BUDGET_PERCENT", 20.0, _number(0, 100))
    breaker_percent: float = _setting("CLARION_BREAKER_PERCENT", 50.0, _number(1, 100))
    guard_percent: float = _setting("CLARION_GUARD_PERCENT", 30.0, _number(1, 100))
    guard_pause_percent: float = _setting("CLARION_GUARD_PAUSE_PERCENT", 90.0, _number(1, 100))
    device_create_per_min: int = _setting("CLARION_DEVICE_CREATE_PER_MIN", 600, _whole(0, 10_000_000))
    api_rate_per_min: int = _setting("CLARION_API_RATE_PER_MIN", 6000, _whole(0, 10_000_000))
    max_unrecorded: int = _setting("CLARION_MAX_UNRECORDED", 1500, _whole(1, 1_000_000))
    work_processes: int = _setting("CLARION_WORK_PROCESSES", max(1, _CORES // 2), _whole(1, 256))
    web_processes: int = _setting("CLARION_WEB_PROCESSES", max(1, _CORES // 2), _whole(1, 256))
    metrics_port: int | None = _setting("CLARION_METRICS_PORT", None, _whole(1, 65535))
    transport: str = _setting("CLARION_TRANSPORT", "engine", _choice("engine", "pyreqwest"))
    fcm_url: str = _setting("CLARION_FCM_URL", "https://fcm.googleapis.com", _url)
    apns_url: str = _setting("CLARION_APNS_URL", "https://api.push.apple.com", _url)
    apns_sandbox_url: str = _setting("CLARION_APNS_SANDBOX_URL", "https://api.sandbox.push.apple.com", _url)
    onesignal_url: str = _setting("CLARION_ONESIGNAL_URL", "https://api.onesignal.com", _url)
    huawei_url: str = _setting("CLARION_HUAWEI_URL", "https://push-api.cloud.huawei.com", _url)
    huawei_token_url: str = _setting("CLARION_HUAWEI_TOKEN_URL", "https://oauth-login.cloud.huawei.com", _url)
    token_uri_allow: tuple[str, ...] = _setting("CLARION_TOKEN_URI_ALLOW", (), _urls)
    webpush_hosts: tuple[str, ...] = _setting("CLARION_WEBPUSH_HOSTS", (), _hosts)
    webhook_hosts: tuple[str, ...] = _setting("CLARION_WEBHOOK_HOSTS", (), _hosts)
    webpush_contact: str | None = _setting("CLARION_WEBPUSH_CONTACT", None, _contact)
    provider_ca_file: str | None = _setting("CLARION_PROVIDER_CA_FILE", None, _file)
    log_format: str | None = _setting("CLARION_LOG_FORMAT", None, _choice("console", "json"))
    log_level: str = _setting("CLARION_LOG_LEVEL", "info", _choice("debug", "info", "warning", "error"))

    def rate(self, provider: str) -> Rate:
        """The rate settings of one provider (`fcm`, `apns`, `webpush`, `onesignal`, `huawei`)."""
        return Rate(getattr(self, f"{provider}_rate_per_sec"), getattr(self, f"{provider}_warmup_sec"))

    @property
    def base_url(self) -> str:
        """The address people and devices use."""
        return self.public_url or f"http://{self.host}:{self.port}"


def known_variables() -> dict[str, str]:
    """Environment variable → field name."""
    return {f.metadata["variable"]: f.name for f in fields(Settings)}


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables that begin with CLARION_ and mean nothing: most likely misspelt."""
    known = known_variables()
    return sorted(
        name
        for name in environment
        if name.startswith("CLARION_") and name.removesuffix("_FILE") not in known and name not in known
    )


def _raw(environment: Mapping[str, str], variable: str) -> str | None:
    """The value of a variable or of its `*_FILE` variant; empty counts as not set."""
    path = environment.get(f"{variable}_FILE")
    if path and variable != "CLARION_PROVIDER_CA":
        try:
            return Path(path).read_text("utf-8").strip() or None
        except OSError as error:
            raise ConfigurationError(f"{variable}_FILE cannot be read: {error.strerror}: {path}") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{variable}_FILE names a file that is not text: {path}") from None
    return environment.get(variable) or None


def read_settings(environment: Mapping[str, str], **flags: object) -> Settings:
    """Settings from the environment; `flags` (from the command line, None = not given) win.

    Raises `ConfigurationError` with one line for the first wrong value.
    """
    values: dict[str, Any] = {}
    for item in fields(Settings):
        variable, parse = item.metadata["variable"], item.metadata["parse"]
        if flags.get(item.name) is not None:
            values[item.name] = flags[item.name]
            continue
        raw = _raw(environment, variable)
        if raw is None:
            continue
        try:
            values[item.name] = parse(raw)
        except ValueError as error:
            raise ConfigurationError(f"{variable}: {error}") from None
    return Settings(**values)
