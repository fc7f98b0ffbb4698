"""What people upload to make an app able to send, and its rules that need no key reader (management-api.md §3).

An app keeps the credentials of every provider it was given; `push_provider` names the main one.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from clarion.foundation.errors import InvalidInput

PROVIDERS: Mapping[str, str] = {"firebase": "fcm", "apns": "apns", "onesignal": "onesignal", "huawei": "huawei"}
"""`push_provider` on the wire → the provider as the rest of Clarion names it."""

_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{4,62}")
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,154}")
_TEN = re.compile(r"[A-Za-z0-9]{10}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HUAWEI_APP = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{0,128}")
_SECRET = re.compile(r"[\x21-\x7e]{1,512}")
_EMAIL = re.compile(r"[\x21-\x7e]{1,128}@[\x21-\x7e]{1,192}")
_ENVIRONMENTS = {"": "production", "production": "production", "sandbox": "sandbox", "development": "sandbox"}


class FirebaseForm(msgspec.Struct, frozen=True):
    """A service-account JSON of Firebase. Addresses in it other than `token_uri` are not used."""

    type: str = ""
    project_id: str = ""
    private_key_id: str = ""
    private_key: str = ""
    client_email: str = ""
    client_id: str = ""
    auth_uri: str = ""
    token_uri: str = ""
    auth_provider_x509_cert_url: str = ""
    client_x509_cert_url: str = ""
    universe_domain: str = "googleapis.com"

    def __repr__(self) -> str:
        return f"<FirebaseForm {self.project_id}>"


class ApnsForm(msgspec.Struct, frozen=True):
    """A token key (`team_id`, `auth_key`, `auth_key_id`) or a certificate, for one topic and environment."""

    topic: str = ""
    team_id: str = ""
    auth_key: str = ""
    auth_key_id: str = ""
    key: str = ""
    private_key: str = ""
    p8: str = ""
    key_id: str = ""
    environment: str = ""
    """`production` (default) or `sandbox`."""
    certificate: str = ""
    """Base64 of a .p12 file, or PEM text with the private key."""
    password: str = ""

    @property
    def token_key(self) -> str:
        """The .p8 text under whichever name it came."""
        return self.auth_key or self.key or self.private_key or self.p8

    @property
    def token_key_id(self) -> str:
        """The key id under whichever name it came."""
        return self.auth_key_id or self.key_id

    def __repr__(self) -> str:
        return f"<ApnsForm {self.topic}>"


class OnesignalForm(msgspec.Struct, frozen=True):
    """An app of OneSignal."""

    app_id: str = ""
    api_key: str = ""

    def __repr__(self) -> str:
        return f"<OnesignalForm {self.app_id}>"


class HuaweiForm(msgspec.Struct, frozen=True):
    """An app of Huawei Push Kit."""

    app_id: str = ""
    app_secret: str = ""

    def __repr__(self) -> str:
        return f"<HuaweiForm {self.app_id}>"


Form = FirebaseForm | ApnsForm | OnesignalForm | HuaweiForm
_FORMS: Mapping[str, type[Form]] = {
    "firebase": FirebaseForm,
    "apns": ApnsForm,
    "onesignal": OnesignalForm,
    "huawei": HuaweiForm,
}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The credentials part of a request. `push_provider_creds` is an older name for those of `push_provider`."""

    push_provider: str | None = None
    firebase_creds: FirebaseForm | None = None
    apns_creds: ApnsForm | None = None
    onesignal_creds: OnesignalForm | None = None
    huawei_creds: HuaweiForm | None = None
    push_provider_creds: dict[str, Any] | None = None

    def given(self, main: str) -> dict[str, Form]:
        """The forms by `push_provider` name; the specific name wins over the older one, which means `main`."""
        named = {name: getattr(self, f"{name}_creds") for name in _FORMS}
        forms = {name: form for name, form in named.items() if form is not None}
        if self.push_provider_creds is not None and main not in forms:
            forms[main] = _read_older(main, self.push_provider_creds)
        return forms

    def __repr__(self) -> str:
        return f"<Credentials {self.push_provider}>"


def _read_older(main: str, document: dict[str, Any]) -> Form:
    try:
        return msgspec.convert(document, _FORMS[main])
    except msgspec.ValidationError:
        raise InvalidInput(f"push_provider_creds must be the credentials of {main}, with texts as values") from None


def checked_provider(name: str | None) -> str:
    """The provider's name on the wire; `InvalidInput` when missing or unknown."""
    if not name:
        raise InvalidInput("push_provider is required")
    if name not in PROVIDERS:
        raise InvalidInput(f"push_provider must be one of {', '.join(PROVIDERS)}")
    return name


def check_firebase(form: FirebaseForm, *, token_uris: frozenset[str]) -> None:
    """Hold the rules of providers.md §2.2, but for the key itself; `InvalidInput` names the field."""
    if form.type != "service_account":
        raise InvalidInput(
            "firebase_creds.type must be service_account: send the key file that Firebase makes under "
            "Project settings, Service accounts (google-services.json is another file)"
        )
    _require(form, "firebase_creds", ("project_id", "private_key", "client_email", "token_uri"))
    if form.universe_domain not in ("", "googleapis.com"):
        raise InvalidInput("firebase_creds.universe_domain must be googleapis.com")
    if form.token_uri not in token_uris:
        raise InvalidInput("firebase_creds.token_uri is not an allowed address; send Google's file unchanged")
    _match(_PROJECT, form.project_id, field="firebase_creds.project_id", words="the id of a Google project")
    _match(_EMAIL, form.client_email, field="firebase_creds.client_email", words="an e-mail address")
    _match(_KEY_ID, form.private_key_id, field="firebase_creds.private_key_id", words="letters and digits")


def check_apns(form: ApnsForm) -> str:
    """Hold the rules that both forms share and those of the token form; returns the environment."""
    environment = _ENVIRONMENTS.get(form.environment)
    if environment is None:
        raise InvalidInput("apns_creds.environment must be production or sandbox")
    if form.topic or not form.certificate:
        check_topic(form.topic)
    if form.certificate:
        return environment
    for field, value in (("team_id", form.team_id), ("auth_key", form.token_key), ("auth_key_id", form.token_key_id)):
        if not value:
            raise InvalidInput(f"apns_creds.{field} is required")
    _match(_TEN, form.team_id, field="apns_creds.team_id", words="10 letters and digits")
    _match(_TEN, form.token_key_id, field="apns_creds.auth_key_id", words="10 letters and digits")
    return environment


def check_topic(topic: str) -> None:
    """`InvalidInput` unless it looks like a bundle id."""
    if not topic:
        raise InvalidInput("apns_creds.topic is required")
    _match(_TOPIC, topic, field="apns_creds.topic", words="a bundle id such as com.example.app")


def check_certificate_topic(topic: str, owner: str) -> None:
    """`InvalidInput` unless a certificate whose subject names the app `owner` (may be empty) covers the topic."""
    check_topic(topic)
    if owner and topic != owner and not topic.startswith(f"{owner}."):
        raise InvalidInput(f"apns_creds.topic is {topic}, but the certificate is one for {owner}")


def check_onesignal(form: OnesignalForm) -> None:
    """`InvalidInput` names the field."""
    _require(form, "onesignal_creds", ("app_id", "api_key"))
    _match(_UUID, form.app_id, field="onesignal_creds.app_id", words="a UUID")
    _match(_SECRET, form.api_key, field="onesignal_creds.api_key", words="printable ASCII without spaces")


def check_huawei(form: HuaweiForm) -> None:
    """`InvalidInput` names the field."""
    _require(form, "huawei_creds", ("app_id", "app_secret"))
    _match(_HUAWEI_APP, form.app_id, field="huawei_creds.app_id", words="letters and digits")
    _match(_SECRET, form.app_secret, field="huawei_creds.app_secret", words="printable ASCII without spaces")


def _require(form: Form, name: str, fields: tuple[str, ...]) -> None:
    for field in fields:
        if not getattr(form, field):
            raise InvalidInput(f"{name}.{field} is required")


def _match(pattern: re.Pattern[str], value: str, *, field: str, words: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidInput(f"{field} must be {words}")
