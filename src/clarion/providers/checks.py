"""Which question checks a credential of which provider."""

from collections.abc import Mapping

from clarion.providers.apns import check as apns
from clarion.providers.checking import Finding, Words, ask_through, judge
from clarion.providers.contract import Credential, Verdict
from clarion.providers.fcm import check as fcm
from clarion.providers.huawei import check as huawei
from clarion.providers.onesignal import check as onesignal
from clarion.providers.registry import OWN_KEYS, Outside, open_sender

WORDS: Mapping[str, Words] = {
    "fcm": fcm.WORDS,
    "apns": apns.WORDS,
    "onesignal": onesignal.WORDS,
    "huawei": huawei.WORDS,
}
"""Provider → how it is spoken of; only those that can be asked."""
_OWN_KEY = Finding(ok=True, code="accepted", message="Clarion made this key itself, so nothing in it can be wrong")


async def check(credential: Credential, outside: Outside) -> Finding:
    """Ask the provider whether it accepts the credential; nothing is sent to anybody.

    Takes as long as the provider does: the caller sets the bound.
    """
    if credential.provider in OWN_KEYS:
        return _OWN_KEY
    return judge(await _verdict(credential, outside), WORDS[credential.provider])


async def _verdict(credential: Credential, outside: Outside) -> Verdict:
    if credential.provider == "apns":
        return await apns.probe(
            credential,
            settings=outside.apns,
            transport=outside.transport,
            store=outside.jwts,
            clock=outside.clock,
        )
    questions = {
        "fcm": fcm.QUESTION,
        "huawei": huawei.QUESTION,
        "onesignal": onesignal.question(credential.values.get("app_id", "")),
    }
    return await ask_through(
        lambda sink: open_sender(credential, outside=outside, sink=sink), questions[credential.provider]
    )
