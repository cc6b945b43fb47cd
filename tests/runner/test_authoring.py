"""What authors import is light and says at once when it is used wrongly."""

import subprocess
import sys

import pytest

import melanzana


def test_importing_the_package_is_light() -> None:
    """`import melanzana` loads none of the libraries behind server, client and converters."""
    heavy = ["fastapi", "pydantic", "httpx", "sqlalchemy", "typer", "rich", "yaml", "asyncio", "structlog"]
    code = f"import sys, melanzana; print(*[name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_the_names_for_authors_are_these() -> None:
    """What outsiders rely on."""
    assert sorted(melanzana.__all__) == ["__version__", "action", "attach", "fixture", "log", "state", "sut"]


def test_a_decorator_without_a_name_is_refused() -> None:
    """`@action` needs the element's name, and says how to write it."""
    with pytest.raises(TypeError, match=r'@action\("Add to basket"\)'):

        @melanzana.action
        def add() -> None: ...


def test_an_unknown_severity_is_refused() -> None:
    """The message lists the severities."""
    with pytest.raises(ValueError, match="DEBUG, INFO, WARNING, ERROR"):
        melanzana.log("x", "LOUD")  # type: ignore[arg-type]


def test_decorators_leave_the_function_as_it_is() -> None:
    """A marked function is called like any other, in the author's own tests, too."""

    @melanzana.state("Home")
    @melanzana.action("go home")
    def home(number: int) -> int:
        return number + 1

    assert home(1) == 2
