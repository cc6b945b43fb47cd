"""GraphWalker's JavaScript: what is translated, and what is refused or listed."""

import pytest

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import BOOL, INT, STRING, compile_expression, list_of, parse
from melanzana.graph.expressions.javascript import translate_actions, translate_guard


@pytest.mark.parametrize(
    ("js", "text"),
    [
        ("rememberMe&&validLogin", "rememberMe && validLogin"),
        ("!rememberMe||!validLogin", "!rememberMe || !validLogin"),
        ("numOfPets>0;", "numOfPets > 0"),
        ("num_of_books<=3", "num_of_books <= 3"),
        ('user === "x" && n !== 1', 'user == "x" && n != 1'),
        ("user == 'x' // who", 'user == "x"'),
        ("/* all */ true", "true"),
        ("name.length > 3", "size(name) > 3"),
        ("name.length() > 3", "size(name) > 3"),
        ("global.count >= 1", "count >= 1"),
        ("name.startsWith('a') || name.endsWith('b')", 'name.startsWith("a") || name.endsWith("b")'),
        ("name.includes('a')", 'name.contains("a")'),
        ("['a', 'b'].includes(name)", 'name in ["a", "b"]'),
        ("name.equals('a')", 'name == "a"'),
        ("Math.max(a, Math.min(b, 2)) == 1", "max(a, min(b, 2)) == 1"),
        ("n % 2 == 0 ? a : b", "n % 2 == 0 ? a : b"),
        ("(a < b) == c", "(a < b) == c"),
        ("and && not || $x", "`and` && `not` || `$x`"),
        (".5 < 2. && 1e3 > x", "0.5 < 2.0 && 1000.0 > x"),
        ("-1 < x", "-1 < x"),
        ("list[0] === null", "list[0] == null"),
    ],
)
def test_a_guard_of_the_common_subset_is_translated(js: str, text: str) -> None:
    """The translation is an expression of ours."""
    assert translate_guard(js) == text
    parse(text)


def test_a_translated_guard_compiles_and_holds() -> None:
    """From GraphWalker's spelling to a truth value."""
    types = {"name": STRING, "n": INT, "tags": list_of(STRING)}
    guard = compile_expression(translate_guard("global.name.length === 2 && n%2!==0"), types, BOOL)
    assert guard.evaluate({"name": "ab", "n": 3, "tags": []}) is True


@pytest.mark.parametrize(
    ("js", "position", "words"),
    [
        ("", 0, "empty"),
        ("x / 2 > 1", 2, "division"),
        ("isLoggedIn()", 0, "function 'isLoggedIn'"),
        ("startsWith(a, b)", 0, "function 'startsWith'"),
        ("name.substring(1) == 'a'", 5, "function 'substring'"),
        ("name.startsWith('a', 1)", 5, "this use of 'startsWith'"),
        ("other.min(a, b) == 1", 6, "this use of 'min'"),
        ("typeof x == 'a'", 0, "'typeof'"),
        ("x == undefined", 5, "'undefined'"),
        ("this.x == 1", 0, "'this'"),
        ("x.y == 1", 2, "property 'y'"),
        ("x in y", 2, "'in'"),
        ("x = 1", 2, "sign '='"),
        ("x & y", 2, "sign '&'"),
        ("x ** 2 > 1", 2, r"sign '\*\*'"),
        ("() => true", 3, "sign '=>'"),
        ("{a: 1}", 0, "sign '{'"),
        ("`t` == x", 0, "sign '`t`'"),
        ("a == b < c", 7, "do not chain"),
        ("010 > x", 0, "decimal"),
        ("10n > x", 0, "decimal"),
        ("9223372036854775808 > x", 0, "too large for an int"),
        ("1e999 > x", 0, "too large for a float"),
        ("x == '\\q'", 6, "unknown escape"),
        ("x == 'a", 5, "cannot be translated"),
        ("x > 0; y", 5, "sign ';'"),
        ("(" * 4000, 32, "levels deep"),
        ("x" * 5000, 4096, "longer than"),
    ],
)
def test_a_guard_outside_the_subset_is_refused(js: str, position: int, words: str) -> None:
    """With the position in the JavaScript."""
    with pytest.raises(ExpressionError, match=words) as caught:
        translate_guard(js)
    assert caught.value.detail["position"] == position


@pytest.mark.parametrize(
    ("scripts", "assignments"),
    [
        ([], {}),
        ([" numOfPets++;"], {"numOfPets": "numOfPets + 1"}),
        (["validLogin=false;rememberMe=false;"], {"validLogin": "false", "rememberMe": "false"}),
        (["rememberMe=!rememberMe;"], {"rememberMe": "!rememberMe"}),
        (["num_of_books = 0"], {"num_of_books": "0"}),
        (["var a = 1, b = [2, 3];", "let c = 'x;y'; const d = true"], {"a": "1", "b": "[2, 3]", "c": '"x;y"', "d": "true"}),
        (["--x; ++y; z--"], {"x": "x - 1", "y": "y + 1", "z": "z - 1"}),
        (["x += 2; y -= a - b; z *= a + b; w %= 2"], {"x": "x + 2", "y": "y - (a - b)", "z": "z * (a + b)", "w": "w % 2"}),
        (["global.x = 1; ++global.y; global.z += global.w"], {"x": "1", "y": "y + 1", "z": "z + w"}),
        (["a = 1\nb = a +\n 2\nc = 3"], {"a": "1", "b": "1 + 2", "c": "3"}),
        (["a = 1 /* one\n*/ b = 2"], {"a": "1", "b": "2"}),
    ],
)
def test_actions_become_assignments(scripts: list[str], assignments: dict[str, str]) -> None:
    """In the order in which the variables are first set."""
    found, untranslated = translate_actions(scripts)
    assert {assignment.variable: assignment.expression for assignment in found} == assignments
    assert list(assignments) == [assignment.variable for assignment in found]
    assert untranslated == ()


@pytest.mark.parametrize(
    ("scripts", "assignments"),
    [
        (["x++; y = x"], {"x": "x + 1", "y": "x + 1"}),
        (["x++", "x++", "x++"], {"x": "x + 1 + 1 + 1"}),
        (["t = x; x = y; y = t"], {"t": "x", "x": "y", "y": "x"}),
        (["x = 5; y = x * x; x = y"], {"x": "5 * 5", "y": "5 * 5"}),
    ],
)
def test_statements_see_what_the_ones_before_them_set(scripts: list[str], assignments: dict[str, str]) -> None:
    """JavaScript runs them in order, ours take effect together: values are put in place of names."""
    found, untranslated = translate_actions(scripts)
    assert {assignment.variable: assignment.expression for assignment in found} == assignments
    assert untranslated == ()


@pytest.mark.parametrize(
    ("scripts", "assignments", "untranslated"),
    [
        (["x = next(); y = x; z = 1"], {"z": "1"}, ("x = next()", "y = x")),
        (["x = 1; x = next()"], {}, ("x = next()",)),
        (["x = next(); x = 0; y = x"], {"x": "0", "y": "0"}, ("x = next()",)),
        (["if (x) { y = 1; }\nz = 2"], {"z": "2"}, ("if (x) { y = 1; }",)),
        (["if (x) { y = 1 } else { y = 2 } w = y"], {}, ("if (x) { y = 1 } else { y = 2 }", "w = y")),
        (["a = b = 1; c = b"], {}, ("a = b = 1", "c = b")),
        (["print('x;y'); a = 1"], {"a": "1"}, ("print('x;y')",)),
        (["var a;"], {}, ("var a",)),
        (["var a = 1, b = next()"], {}, ("var a = 1, b = next()",)),
        (["a.b = 1", "a[0] = 1", "1 = a", "a ++ b", "true = 1"], {}, ("a.b = 1", "a[0] = 1", "1 = a", "a ++ b", "true = 1")),
        (["x /= 2; y |= 1"], {}, ("x /= 2", "y |= 1")),
        (["a = 1", " a = 'unclosed \n"], {}, ("a = 'unclosed",)),
        (["x = `a`; y = 1"], {"y": "1"}, ("x = `a`",)),
    ],
)
def test_what_is_not_translated_is_listed(scripts: list[str], assignments: dict[str, str], untranslated: tuple[str, ...]) -> None:
    """As it was written; the variables it may set get no assignment, and what reads them is listed too."""
    found, listed = translate_actions(scripts)
    assert {assignment.variable: assignment.expression for assignment in found} == assignments
    assert listed == untranslated


def test_a_translation_does_not_grow_without_bound() -> None:
    """Doubling an expression again and again ends in the list of what was not translated."""
    found, untranslated = translate_actions(["x = x + x;"] * 40 + ["y = 1"])
    assert [assignment.variable for assignment in found] == ["y"]
    assert set(untranslated) == {"x = x + x"}
    found, untranslated = translate_actions(["x++"] * 100)
    assert (found, set(untranslated)) == ((), {"x++"})
