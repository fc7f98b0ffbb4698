"""Signing in and out in a browser."""

from playwright.sync_api import expect
from tests.browser.console.conftest import Installation, Member, NewContext, check_page


def test_the_sign_in_page_is_accessible_and_fits(installation: Installation, new_context: NewContext) -> None:
    page = new_context().new_page()
    page.goto(installation.address)
    expect(page).to_have_url(f"{installation.address}/console/sign-in")
    check_page(page, "sign-in")


def test_a_member_sees_their_sessions_and_signs_out_everywhere(member: Member) -> None:
    page = member.open("/profile")
    expect(page.get_by_role("heading", name="My profile")).to_be_visible()
    member.check(page, "profile")
    page.get_by_text("Sign out everywhere").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_url(f"{member.installation.address}/console/sign-in")
    page.goto(f"{member.installation.address}/console/profile")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_everything_works_without_script(member: Member, installation: Installation, new_context: NewContext) -> None:
    state = member.context.storage_state()
    page = new_context(java_script_enabled=False, storage_state=state).new_page()
    page.goto(f"{installation.address}/console/profile")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.locator("summary", has_text="Sign out everywhere").click()
    page.locator(".confirm-body").get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_url(f"{installation.address}/console/sign-in")
