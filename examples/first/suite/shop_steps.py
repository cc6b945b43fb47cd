"""The steps of `shop.yaml`: each does one thing to the shop and raises when the shop does not what it should."""

import os
from collections.abc import Iterator

from shop import PASSWORDS, Shop

from melanzana import fixture


@fixture(scope="run")
def shop() -> Iterator[Shop]:
    """One shop for the whole run; set SHOP_BUG=1 to run against a shop that forgets to empty baskets."""
    yield Shop(forgetful=os.environ.get("SHOP_BUG") == "1")


def signed_out(shop: Shop) -> None:
    assert shop.user is None, f"{shop.user} is still signed in"


def shopping(shop: Shop, user: str, items: int) -> None:
    assert shop.user == user, f"{shop.user} is signed in, expected {user}"
    assert len(shop.basket) == items, f"the basket holds {len(shop.basket)} items, expected {items}"


in_basket = shopping


def sign_in(shop: Shop, user: str) -> None:
    assert shop.sign_in(user, PASSWORDS[user]), f"{user} cannot sign in"


def sign_in_wrongly(shop: Shop, user: str) -> None:
    assert not shop.sign_in(user, "let me in"), f"{user} got in with a wrong password"


def add(shop: Shop) -> None:
    shop.basket.append("lamp")


def remove(shop: Shop) -> None:
    shop.basket.pop()


def sign_out(shop: Shop) -> None:
    shop.sign_out()


def pay(shop: Shop, items: int) -> None:
    paid = shop.pay()
    assert paid == items, f"{paid} items were paid, expected {items}"


def close(shop: Shop) -> None:
    shop.pay()
