"""Passwords of twelve and more characters that stand in every list of guesses, and the patterns that make more of them."""

_COMMONEST = frozenset(
    """
    123456789012 1234567890123 12345678901234 123456789012345 1234567890123456 0123456789012 1234567891011 123456789123
    12345678910 123456789abc abc123456789 abcdefghijkl abcdefghijklm abcdefghijklmnop password1234 password12345 password123456
    password12345678 password2024 password2025 password2026 passwordpassword password1234! password123! p@ssw0rd1234 p@ssword1234
    passw0rd1234 passw0rd12345 qwertyuiop12 qwertyuiop123 qwertyuiop1234 qwertyuiop[] qwertyuiopasdf qwertyuiopasdfghjkl
    qwerty123456 qwerty1234567 qwertyqwerty qwerty12345678 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i 1qaz2wsx3edc
    1qaz2wsx3edc4rfv
    1qazxsw23edc q1w2e3r4t5y6 qazwsxedcrfv qazwsx123456 zxcvbnm12345 asdfghjkl123 asdfghjkl;' asdfasdfasdf zaq12wsxcde3
    administrator administrator1 administrator123 admin1234567 admin12345678 adminadminadmin adminadmin12 admin@123456 letmein12345
    letmeinletmein welcome12345 welcome123456 welcome1234! iloveyou1234 iloveyouforever changeme1234 changemechangeme changeit1234
    changeitchangeit correcthorsebatterystaple trustno1trustno1 monkey123456 dragon123456 football1234 baseball1234 superman1234
    sunshine1234 princess1234 computer1234 internet1234 melanzana1234 melanzanamelanzana eggplant1234 eggplanteggplant
    testtesttest test12345678 testing12345 secretsecret secret123456 defaultdefault default12345 rootrootroot
    """.split()  # noqa: SIM905 - a list to read
)
_ROW = "01234567890123456789012345678901234567890"
_ALPHABET = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"


def is_weak(password: str) -> bool:
    """Whether it stands in the list, or is a row of keys or one short piece repeated."""
    plain = password.casefold()
    if plain in _COMMONEST or plain in _ROW or plain in _ALPHABET or plain[::-1] in _ROW or plain[::-1] in _ALPHABET:
        return True
    return any(plain == (plain[:length] * len(plain))[: len(plain)] for length in range(1, 5))
