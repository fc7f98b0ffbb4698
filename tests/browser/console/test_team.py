"""Personal and team in a browser: a second factor, a key, an invitation, a webhook, the audit log."""

import base64
import re
import time

from playwright.sync_api import Page, expect
from tests.browser.console.conftest import PASSWORD, Installation, Member, NewContext, check_page, signed_in

from clarion.features.accounts.totp import STEP_SECONDS, code_at


def test_pages_of_the_team_are_accessible_and_fit(member: Member) -> None:
    for path in ("/team", "/keys", "/account", "/webhooks", "/webhooks/new", "/audit"):
        page = member.open(path)
        member.check(page, path.strip("/").replace("/", "-"))
        page.close()


def test_a_key_is_made_used_and_replaced(member: Member, installation: Installation) -> None:
    page = member.open("/keys")
    page.get_by_label("Name").fill("Shop <b>back end</b>")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
    member.check(page, "keys-made")
    key = page.locator(".secret code").inner_text()
    assert works(installation, key)
    row = page.get_by_role("row").filter(has_text="Shop <b>back end</b>")
    row.locator("summary", has_text="Replace").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    replaced = page.locator(".secret code").inner_text()
    assert replaced != key
    assert works(installation, replaced)


def works(installation: Installation, key: str) -> bool:
    with installation.api({"api_key": key}) as api:
        return api.get("/api/b/v2/apps").status_code == 200


def test_an_invited_viewer_joins_and_sees_no_buttons_of_owners(
    member: Member, installation: Installation, new_context: NewContext
) -> None:
    page = member.open("/team")
    page.get_by_label("E-mail address").fill("viewer@example.com")
    page.get_by_role("radio", name=re.compile("Viewer")).check()
    page.get_by_role("button", name="Make an invitation").click()
    link = page.locator(".secret code").inner_text().replace("http://127.0.0.1:0", installation.address)
    guest = new_context().new_page()
    guest.goto(installation.address + link[link.index("/console") :])
    check_page(guest, "invitation")
    guest.get_by_label("Your name").fill("Vera Viewer")
    guest.get_by_label("Password", exact=True).fill("short")
    guest.get_by_role("button", name="Join").click()
    expect(guest.get_by_text("A password needs at least 12 characters.")).to_be_visible()
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_label("Password again").fill(PASSWORD)
    guest.get_by_role("button", name="Join").click()
    guest.goto(f"{installation.address}/console/team")
    expect(guest.get_by_text("Vera Viewer")).to_be_visible()
    expect(guest.get_by_role("button", name="Make an invitation")).to_have_count(0)
    expect(guest.get_by_role("link", name="API keys")).to_have_count(0)


def test_a_second_factor_is_set_up_and_asked_for(installation: Installation, new_context: NewContext) -> None:
    account = installation.new_account("second-factor@example.com")
    member = Member(installation, account, signed_in(new_context(), installation, account["email"]))
    page = member.open("/profile")
    page.get_by_role("link", name="Set up a second factor").click()
    member.check(page, "second-factor")
    secret = base64.b32decode(page.locator(".copyable code").inner_text())
    page.get_by_role("textbox", name="Code").fill(code(secret, -1))
    page.get_by_role("button", name="Turn the second factor on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    member.check(page, "recovery-codes")
    again = new_context().new_page()
    sign_in(again, installation, member)
    expect(again.get_by_role("heading", name="Enter your code")).to_be_visible()
    check_page(again, "code")
    again.get_by_label("Code").fill("000000")
    again.get_by_role("button", name="Continue").click()
    expect(again.get_by_text("This code is wrong or was used before.")).to_be_visible()
    again.get_by_label("Code").fill(code(secret, 0))
    again.get_by_role("button", name="Continue").click()
    again.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto(f"{installation.address}/console/profile")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Turn the second factor off").click()
    expect(page.get_by_text("Codes are no longer asked for")).to_be_visible()


def code(secret: bytes, shift: int) -> str:
    return code_at(secret, int(time.time()) // STEP_SECONDS + shift)


def sign_in(page: Page, installation: Installation, member: Member) -> None:
    page.goto(f"{installation.address}/console/sign-in")
    page.get_by_label("E-mail address").fill(member.account["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_the_audit_log_is_narrowed_while_one_chooses(member: Member) -> None:
    page = member.open("/keys")
    page.get_by_label("Name").fill("For the log")
    page.get_by_role("button", name="Make the key").click()
    page = member.open("/audit")
    expect(page.locator("#rows").get_by_text("made an API key").first).to_be_visible()
    page.get_by_label("What").select_option("Account")
    expect(page.locator("#rows").get_by_text("created the account")).to_be_visible()
    expect(page.locator("#rows").get_by_text("made an API key")).to_have_count(0)
    expect(page).to_have_url(re.compile("kind=account"))


def test_a_webhook_is_made_and_tested(member: Member) -> None:
    page = member.open("/webhooks/new")
    page.get_by_label("Address").fill("https://hooks.example.com/clarion")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It is shown only now.")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("cell", name="A test")).to_be_visible()
    member.check(page, "webhook")


def test_the_first_view_is_small_and_asks_no_other_host(installation: Installation, new_context: NewContext) -> None:
    page = new_context().new_page()
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto(f"{installation.address}/console/sign-in", wait_until="networkidle")
    assert all(url.startswith(installation.address) for url in sizes)
    assert len(sizes) > 4
    assert sum(sizes.values()) < 150_000
