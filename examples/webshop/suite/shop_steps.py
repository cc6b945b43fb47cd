"""Steps in the browser. `page` is Melanzana's own fixture; `lamps` and `member` are the model's variables."""

from playwright.sync_api import Page, expect


def come_in(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/")


def catalogue(page: Page, member: bool) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalogue")
    expect(page.get_by_role("button", name="Log out")).to_have_count(int(member))


def add(page: Page) -> None:
    page.get_by_role("button", name="Add to basket").click()


def open_catalogue(page: Page) -> None:
    page.get_by_role("link", name="Lamps").click()


def open_basket(page: Page) -> None:
    page.get_by_role("link", name="Basket").click()


def basket(page: Page, lamps: int) -> None:
    expect(page.get_by_role("status")).to_have_text(shown(lamps))


def remove(page: Page) -> None:
    page.get_by_role("button", name="Take one out").click()


def check_out(page: Page) -> None:
    page.get_by_role("button", name="Check out").click()


def receipt(page: Page, lamps: int) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt")
    expect(page.get_by_role("status")).to_have_text(shown(lamps))


def open_login(page: Page) -> None:
    page.get_by_role("link", name="Log in").click()


def login(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def log_in(page: Page) -> None:
    fill(page, "lamp")


def mistype(page: Page) -> None:
    fill(page, "lump")
    expect(page.get_by_role("alert")).to_have_text("This password is wrong.")


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()


def fill(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def shown(lamps: int) -> str:
    return f"{lamps} lamp{'' if lamps == 1 else 's'}, {lamps * 10} euros"
