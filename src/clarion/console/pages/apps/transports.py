"""The providers in the words of people who set an app up, and their forms."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from litestar.datastructures import UploadFile

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.features.apps.forms import ApnsForm, Credentials, FirebaseForm, HuaweiForm, OnesignalForm

FILE_LIMIT = 256 * 1024
"""Bytes of an uploaded key; the largest real ones have some kilobytes."""


@dataclass(frozen=True, slots=True)
class Transport:
    """One provider an app can send through."""

    name: str
    """`push_provider` of the management API."""
    provider: str
    """As the rest of Clarion names it."""
    title: str
    reaches: str
    steps: tuple[str, ...]
    """Where the owner of an app gets what the form asks for."""


TRANSPORTS: Mapping[str, Transport] = {
    each.name: each
    for each in (
        Transport(
            "firebase",
            "fcm",
            N_("Firebase (FCM)"),
            N_("Android, and iOS or browsers that use Firebase"),
            (
                N_("Open your project in the Firebase console and choose Project settings, then Service accounts."),
                N_("Press “Generate new private key”. Google downloads a JSON file."),
                N_("Choose this file here, as it is."),
            ),
        ),
        Transport(
            "apns",
            "apns",
            N_("Apple (APNs)"),
            N_("iPhone, iPad and Mac"),
            (
                N_("Open your Apple developer account and choose Certificates, Identifiers & Profiles, then Keys."),
                N_("Create a key with Apple Push Notifications service. Apple lets you download the .p8 file once."),
                N_("Choose this file here, and copy the key ID, your team ID and the bundle ID of the app."),
            ),
        ),
        Transport(
            "onesignal",
            "onesignal",
            N_("OneSignal"),
            N_("Devices that were registered with OneSignal"),
            (
                N_("Open your app in OneSignal and choose Settings, then Keys & IDs."),
                N_("Copy the app ID and create an API key for it."),
            ),
        ),
        Transport(
            "huawei",
            "huawei",
            N_("Huawei Push Kit"),
            N_("Huawei phones without Google services"),
            (
                N_("Open your project in AppGallery Connect and choose Project settings."),
                N_("Copy the app ID and the client secret of the OAuth 2.0 client."),
            ),
        ),
    )
}
TITLES: Mapping[str, str] = {**{each.provider: each.title for each in TRANSPORTS.values()}, "webpush": N_("Web Push")}

NO_FILE = N_("Choose the file.")
TOO_LARGE = N_("This file is too large to be a key.")
NOT_JSON = N_("This is not the JSON file that Firebase gives: it should begin with { and name a project_id.")
NOT_TEXT = N_("This is not a key file: a .p8 file begins with -----BEGIN PRIVATE KEY-----.")


async def read_credentials(form: Form, transport: Transport) -> Credentials | None:
    """What the form holds for this transport; None when it is faulty, with the faults noted in the form."""
    readers = {"firebase": _firebase, "apns": _apns, "onesignal": _onesignal, "huawei": _huawei}
    return await readers[transport.name](form)


async def _firebase(form: Form) -> Credentials | None:
    content = await _content(form, "file")
    if content is None:
        return None
    try:
        account = msgspec.json.decode(content, type=FirebaseForm)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        form.refuse("file", NOT_JSON)
        return None
    return Credentials(push_provider="firebase", firebase_creds=account)


async def _apns(form: Form) -> Credentials | None:
    content = await _content(form, "file")
    if content is None:
        return None
    place = {"topic": form.text("topic", limit=255), "environment": form.choice("environment", _ENVIRONMENTS)}
    if form.choice("kind", ("key", "certificate"), default="key") == "certificate":
        filled = ApnsForm(**place, certificate=_certificate(content), password=form.value("password"))
    else:
        filled = ApnsForm(
            **place,
            team_id=form.text("team_id", limit=10),
            auth_key_id=form.text("key_id", limit=10),
            auth_key=_key_text(form, content),
        )
    return None if form.faulty else Credentials(push_provider="apns", apns_creds=filled)


_ENVIRONMENTS = ("production", "sandbox")


async def _onesignal(form: Form) -> Credentials | None:
    filled = OnesignalForm(app_id=form.text("app_id", limit=64), api_key=form.text("secret", limit=512))
    return None if form.faulty else Credentials(push_provider="onesignal", onesignal_creds=filled)


async def _huawei(form: Form) -> Credentials | None:
    filled = HuaweiForm(app_id=form.text("app_id", limit=64), app_secret=form.text("secret", limit=512))
    return None if form.faulty else Credentials(push_provider="huawei", huawei_creds=filled)


async def _content(form: Form, name: str) -> bytes | None:
    file: UploadFile | None = form.file(name)
    if file is None:
        form.refuse(name, NO_FILE)
        return None
    content = await file.read(FILE_LIMIT + 1)
    if len(content) > FILE_LIMIT:
        form.refuse(name, TOO_LARGE)
        return None
    return content


def _key_text(form: Form, content: bytes) -> str:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN" not in text:
        form.refuse("file", NOT_TEXT)
    return text


def _certificate(content: bytes) -> str:
    """PEM text as it is, a .p12 file as base64."""
    if b"-----BEGIN" in content:
        return content.decode("ascii", "replace")
    return base64.b64encode(content).decode()
