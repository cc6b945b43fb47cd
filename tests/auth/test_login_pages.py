"""The pages of logging in and out, as a browser meets them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from support_people_login import (
    AUTHORIZE,
    BASE_URL,
    CLI_REDIRECT,
    ISSUER,
    OPERATOR,
    PASSWORD,
    REALM_PATH,
    LoginSite,
    answered,
    form_of,
    login_site,
    request_parameters,
)

pytestmark = pytest.mark.anyio
SESSION = "__Host-melanzana"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[LoginSite]:
    """A server with one administrator, ada."""
    async with login_site(tmp_path) as opened:
        yield opened


def _cookies(answer: httpx.Response) -> dict[str, str]:
    """The Set-Cookie lines by name."""
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


async def _page(browser: httpx.AsyncClient, **changes: str | None) -> httpx.Response:
    return await browser.get(f"{AUTHORIZE}?{urlencode(request_parameters(**changes))}")


async def test_from_login_to_the_wanted_page(site: LoginSite) -> None:
    """/login leads to the login page at the realm's documented address, and after it to the page that was wanted."""
    browser = site.browser()
    begun = await browser.get("/login", params={"next": "/account?tab=2"})
    assert begun.status_code == 303
    assert begun.headers["location"].startswith(f"{AUTHORIZE}?client_id=melanzana-web&")
    page = await browser.get(begun.headers["location"])
    assert page.status_code == 200
    assert "Log in" in page.text
    sent = await site.send_form(browser, page, username="ada", password=PASSWORD)
    assert sent.headers["location"].startswith(f"{BASE_URL}/login/callback?code=")
    arrived = await browser.get(sent.headers["location"])
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/account?tab=2")


async def test_login_address_opened_by_hand(site: LoginSite) -> None:
    """Somebody who opens the documented address without parameters gets to the login page."""
    for query in ("", "?", "?kc_locale=en"):
        answer = await site.browser().get(f"{AUTHORIZE}{query}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?realm=eggplant")


async def test_who_is_logged_in_needs_no_form(site: LoginSite) -> None:
    """With a living session the pages get their code at once; the command line asks first (RFC 8252 section 8.6)."""
    browser = site.browser()
    await site.enter(browser)
    web = {"client_id": "melanzana-web", "redirect_uri": f"{BASE_URL}/login/callback"}
    assert "code" in answered(await _page(browser, **web))
    consent = await _page(browser)
    assert consent.status_code == 200
    assert "act for you" in consent.text
    refused = answered(await site.send_form(browser, consent, answer="no"))
    assert (refused["error"], refused["state"]) == ("access_denied", "a state")
    agreed = answered(await site.send_form(browser, consent, answer="yes"))
    assert (await site.redeem(agreed["code"])).status_code == 200
    assert (await browser.get("/login", params={"next": "/models"})).headers["location"] == "/models"


async def test_prompts(site: LoginSite) -> None:
    """prompt=none never shows a page, prompt=login and an old login always do."""
    browser = site.browser()
    assert answered(await _page(browser, prompt="none"))["error"] == "login_required"
    await site.enter(browser)
    assert answered(await _page(browser, prompt="none"))["error"] == "interaction_required"
    web = {"client_id": "melanzana-web", "redirect_uri": f"{BASE_URL}/login/callback"}
    assert "code" in answered(await _page(browser, prompt="none", **web))
    assert 'name="password"' in (await _page(browser, prompt="login", **web)).text
    site.clock.move(100)
    assert "code" in answered(await _page(browser, max_age="100", **web))
    assert 'name="password"' in (await _page(browser, max_age="99", **web)).text


@pytest.mark.parametrize("redirect_uri", ["https://evil.org/callback", "http://127.0.0.1:4711/callback?x=1", "javascript:alert(1)"])
async def test_54_no_redirect_to_strangers(redirect_uri: str, site: LoginSite) -> None:
    """A redirect address that is not the client's is told on a page, and never becomes a Location or a link."""
    answer = await _page(site.browser(), redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil.org" not in answer.text
    assert "redirect_uri" in answer.text


@pytest.mark.parametrize("onward", ["https://evil.org", "//evil.org", "/\\evil.org", "/a\r\nX: y", "/%0d%0aX: y"])
async def test_55_login_leads_to_local_pages_only(onward: str, site: LoginSite) -> None:
    """Whatever `next` says, the login ends on this server."""
    arrived = await site.enter(site.browser(), onward=onward)
    assert arrived.status_code == 303
    assert arrived.headers["location"] == "/"


async def test_56_wrong_challenge_is_told_to_the_client(site: LoginSite) -> None:
    """A request without S256 comes back with an error, its state and the issuer, before anybody logs in."""
    for changes in ({"code_challenge_method": "plain"}, {"code_challenge": None}, {"code_challenge": "short"}):
        answer = await _page(site.browser(), **changes)
        assert answer.headers["location"].startswith(CLI_REDIRECT + "?")
        told = answered(answer)
        assert (told["error"], told["state"], told["iss"]) == ("invalid_request", "a state", ISSUER)


async def test_58_state_is_text_on_pages(site: LoginSite) -> None:
    """What a request carries is escaped in the page."""
    hostile = "\"><script>alert(1)</script>'"
    page = await _page(site.browser(), state=hostile, nonce=hostile, login_hint=hostile)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert answered(await site.log_in(site.browser(), state=hostile))["state"] == hostile


async def test_59_form_without_its_cookie(site: LoginSite) -> None:
    """A login form is good only in the browser that it was shown in, and only for its own request."""
    mine, theirs = site.browser(), site.browser()
    page = await _page(mine)
    fields = {"username": "ada", "password": PASSWORD}
    action, hidden = form_of(page)
    assert (await site.browser().post(action, data={**hidden, **fields})).status_code == 403
    await _page(theirs)
    assert (await theirs.post(action, data={**hidden, **fields})).status_code == 403
    assert (await mine.post(action, data=fields)).status_code == 403
    other = action.replace("a+state", "another")
    assert other != action
    assert (await mine.post(other, data={**hidden, **fields})).status_code == 403
    assert (await mine.post(action, data={**hidden, **fields})).status_code == 303


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.org"}]
)
async def test_59_form_from_another_site(headers: dict[str, str], site: LoginSite) -> None:
    """A form that another site sent is refused even with the right token, and opens no session."""
    browser = site.browser()
    action, hidden = form_of(await _page(browser))
    answer = await browser.post(action, data={**hidden, "username": "ada", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert SESSION not in _cookies(answer)


async def test_59_answer_of_another_browser(site: LoginSite) -> None:
    """Login CSRF: the end of somebody else's login does not log this browser in."""
    attacker, victim = site.browser(), site.browser()
    begun = await attacker.get("/login")
    sent = await site.send_form(attacker, await attacker.get(begun.headers["location"]), username="ada", password=PASSWORD)
    for browser in (victim, attacker):
        answer = await browser.get(sent.headers["location"])
        assert answer.status_code == (400 if browser is victim else 303)
    await victim.get("/login")
    assert (await victim.get(sent.headers["location"])).status_code == 400


async def test_60_no_session_is_fixed(site: LoginSite) -> None:
    """The session's cookie is new at every login, the one before is dead, and so is one that somebody made up."""
    browser = site.browser()
    browser.cookies.set(SESSION, "chosen-by-an-attacker", domain="tests.example.org", path="/")
    await site.enter(browser)
    first = browser.cookies[SESSION]
    assert first != "chosen-by-an-attacker"
    page = await _page(browser, prompt="login", client_id="melanzana-web", redirect_uri=f"{BASE_URL}/login/callback")
    await site.send_form(browser, page, username="ada", password=PASSWORD)
    second = browser.cookies[SESSION]
    assert second != first
    old = site.browser()
    old.cookies.set(SESSION, first)
    assert (await old.get("/login")).headers["location"].startswith(AUTHORIZE)
    ada = await site.services.users.accounts.by_name("eggplant", "ada")
    assert len(await site.services.users.sessions.list(ada.id)) == 1


async def test_60_logout_ends_the_session_on_the_server(site: LoginSite) -> None:
    """After a logout the old cookie is worth nothing, the browser is told to forget it, and the login page comes."""
    browser, thief = site.browser(), site.browser()
    await site.enter(browser)
    thief.cookies.set(SESSION, browser.cookies[SESSION])
    page = await browser.get(f"{REALM_PATH}/protocol/openid-connect/logout")
    left = await site.send_form(browser, page)
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in _cookies(left)[SESSION]
    assert (await thief.get("/login")).headers["location"].startswith(AUTHORIZE)
    assert [action for action, _, _ in await site.actions()].count("logout") == 1


async def test_67_logout_needs_the_form(site: LoginSite) -> None:
    """A logout without the session's form token, or from another site, is refused and ends nothing."""
    browser = site.browser()
    await site.enter(browser)
    assert (await browser.post("/logout")).status_code == 403
    assert (await browser.post("/logout", data={"csrf_token": "x"})).status_code == 403
    _, hidden = form_of(await browser.get(f"{REALM_PATH}/protocol/openid-connect/logout"))
    assert (await browser.post("/logout", data=hidden, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await browser.get("/login")).headers["location"] == "/"


@pytest.mark.parametrize(
    "query", ["", "?post_logout_redirect_uri=https%3A%2F%2Fevil.org", "?post_logout_redirect_uri=%2F%2Fevil.org&state=x"]
)
async def test_53_logout_by_link_asks(query: str, site: LoginSite) -> None:
    """A GET, such as of an image, logs nobody out and leads nowhere else."""
    browser = site.browser()
    await site.enter(browser)
    page = await browser.get(f"{REALM_PATH}/protocol/openid-connect/logout{query}")
    assert (page.status_code, "evil.org" in page.text) == (200, False)
    assert (await browser.get("/login")).headers["location"] == "/"
    assert (await site.send_form(browser, page)).headers["location"] == "/login"


async def test_61_cookies(site: LoginSite) -> None:
    """Over https every cookie is __Host-, Secure, HttpOnly, SameSite=Lax, without a Domain."""
    browser = site.browser()
    page = await _page(browser)
    sent = await site.send_form(browser, page, username="ada", password=PASSWORD)
    lines = {**_cookies(page), **_cookies(sent)}
    assert set(lines) == {"__Host-melanzana-login", SESSION}
    for line in lines.values():
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= attributes
        assert "domain" not in line.lower()


async def test_61_cookies_over_http(tmp_path: Path) -> None:
    """On a plain address, browsers take neither Secure nor __Host-, so the cookies go without."""
    async with login_site(tmp_path, "http://localhost:8000") as plain:
        transport = httpx.ASGITransport(plain.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as browser:
            arrived = await plain.enter(browser)
            assert (arrived.status_code, arrived.headers["location"]) == (303, "/account")
            assert set(browser.cookies) == {"melanzana"}


async def test_62_headers_of_pages(site: LoginSite) -> None:
    """Login, consent, refusal and logout pages are never cached, framed, or a place for scripts of others."""
    browser = site.browser()
    await site.enter(browser)
    pages = [
        await _page(site.browser()),
        await _page(browser),
        await _page(browser, redirect_uri="https://evil.org"),
        await browser.get(f"{REALM_PATH}/protocol/openid-connect/logout"),
    ]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"
        assert re.search(r'(?:src|href)="(?:https?:)?//', page.text) is None
    assert "form-action 'self' http://127.0.0.1:4711;" in pages[0].headers["content-security-policy"]
    assert "form-action 'self';" in pages[3].headers["content-security-policy"]


async def test_63_wrong_name_and_wrong_password_look_alike(site: LoginSite) -> None:
    """One line for both; only what the person typed differs."""
    texts = set()
    for username, password in (("ada", "wrong"), ("eve", PASSWORD), ("ada", "x" * 10_000)):
        answer = await site.log_in(site.browser(f"192.0.2.{len(texts) + 9}"), username=username, password=password)
        assert answer.status_code == 200
        assert SESSION not in _cookies(answer)
        assert password not in answer.text
        texts.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(texts) == 1


async def test_68_username_is_text(site: LoginSite) -> None:
    """A name that is HTML is shown as text."""
    answer = await site.log_in(site.browser(), username="<script>alert(1)</script>", password="x")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


async def test_session_of_one_realm_is_none_in_another(site: LoginSite) -> None:
    """Who is logged in to one realm logs in to another with its own name and password."""
    await site.services.realms.ensure_realm("other")
    browser = site.browser()
    await site.enter(browser)
    page = await browser.get(f"{AUTHORIZE.replace('eggplant', 'other')}?{urlencode(request_parameters())}")
    assert 'name="password"' in page.text
    assert "Realm other" in page.text
    refused = await site.send_form(browser, page, username="ada", password=PASSWORD)
    assert refused.status_code == 200
    begun = await browser.get("/login", params={"realm": "other"})
    assert parse_qs(urlsplit(begun.headers["location"]).query)["client_id"] == ["melanzana-web"]
    assert "/realms/other/" in begun.headers["location"]


async def test_unknown_and_disabled_realm(site: LoginSite) -> None:
    """An unknown realm is a 404 page; one that is switched off lets nobody in."""
    from melanzana.realms.records import RealmChange

    missing = await site.browser().get(AUTHORIZE.replace("eggplant", "nowhere"))
    assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert (await site.browser().get("/login", params={"realm": "nowhere"})).status_code == 404
    await site.services.realms.ensure_realm("other")
    await site.services.realms.change_realm("other", RealmChange(enabled=False), OPERATOR)
    off = await site.browser().get(f"{AUTHORIZE.replace('eggplant', 'other')}?{urlencode(request_parameters())}")
    assert off.status_code == 403


async def test_44_other_host_is_led_to_the_public_address(site: LoginSite) -> None:
    """A login begun under another name of the server goes to its public address once, and never in a circle."""
    browser = site.browser()
    begun = await browser.get("https://alias.example.org/login", params={"next": "/models"})
    assert begun.headers["location"] == f"{BASE_URL}/login?realm=eggplant&next=%2Fmodels&moved=1"
    proxied = await browser.get("https://alias.example.org/login", params={"moved": "1"})
    assert proxied.headers["location"].startswith(AUTHORIZE)
    assert "alias" not in proxied.headers["location"]


async def test_old_state_is_not_redeemed(site: LoginSite) -> None:
    """A login that takes over an hour begins anew."""
    browser = site.browser()
    begun = await browser.get("/login")
    page = await browser.get(begun.headers["location"])
    site.clock.move(3_601)
    sent = await site.send_form(browser, page, username="ada", password=PASSWORD)
    assert (await browser.get(sent.headers["location"])).status_code == 400


async def test_too_long_an_address(site: LoginSite) -> None:
    """A query of more than eight thousand characters is refused on a page."""
    assert (await _page(site.browser(), state="s" * 9_000)).status_code == 400
