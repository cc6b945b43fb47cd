"""A shop in one class: the system under test of the tutorial. A real suite would talk to a real system here."""

PASSWORDS = {"ada": "lovelace", "grace": "hopper"}


class Shop:
    """Knows who is signed in and what is in the basket. With `forgetful`, signing out leaves the basket as it is: a bug to find."""

    def __init__(self, *, forgetful: bool = False) -> None:
        self._forgetful = forgetful
        self.user: str | None = None
        self.basket: list[str] = []

    def sign_in(self, user: str, password: str) -> bool:
        if PASSWORDS.get(user) != password:
            return False
        self.user = user
        return True

    def sign_out(self) -> None:
        self.user = None
        if not self._forgetful:
            self.basket.clear()

    def pay(self) -> int:
        """Empty the basket, sign out, and return how many items were paid."""
        paid = len(self.basket)
        self.basket.clear()
        self.user = None
        return paid
