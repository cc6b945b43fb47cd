"""How steps find their code: by reference, by decorator, in a class, by function name; and what is an error."""

from pathlib import Path

import pytest

from melanzana.errors import SuiteError
from melanzana.generation.step import StepKind, Verdict
from melanzana.graph.formats.text import read_text
from support_suite import call, loaded, perform, step, write_suite


def bound_label(folder: Path, one, model: str = "Web shop") -> str | None:
    with loaded(folder) as suite:
        found = suite.bind(one, model)
        return found[0].label if found else None


ALL_WAYS = """
    from melanzana import action

    @action("Add to basket")
    def put(): ...

    class WebShop:
        def add_to_basket(self): ...

    def add_to_basket(): ...
"""


def test_an_explicit_reference_beats_every_other_way(tmp_path: Path) -> None:
    """What the model names is called, whatever else would fit."""
    folder = write_suite(tmp_path, shop=ALL_WAYS + "\n    def other(): ...\n")
    assert bound_label(folder, step("Add to basket", call("shop:other"))) == "shop:other"


def test_a_decorator_beats_class_and_function(tmp_path: Path) -> None:
    """`@action` with the element's name comes before names of classes and functions."""
    assert bound_label(write_suite(tmp_path, shop=ALL_WAYS), step("Add to basket")) == "shop:put"


def test_a_class_beats_a_function(tmp_path: Path) -> None:
    """A method in a class named like the model comes before a function."""
    folder = write_suite(tmp_path, shop=ALL_WAYS)
    assert bound_label(folder, step("add-to-basket")) == "shop:WebShop.add_to_basket"


def test_a_class_may_be_named_like_the_state(tmp_path: Path) -> None:
    """Actions of a state find their methods in the state's class."""
    folder = write_suite(tmp_path, shop="class SignedOut:\n    def sign_in(self): ...")
    assert bound_label(folder, step("sign in", state="Signed out")) == "shop:SignedOut.sign_in"
    assert bound_label(folder, step("sign in", state="Home")) is None


def test_a_function_is_found_by_the_slug_of_the_name(tmp_path: Path) -> None:
    """`Add to basket!` is `add_to_basket`; GraphWalker's `v_Cart` is found as it is."""
    folder = write_suite(tmp_path, shop="def add_to_basket(): ...\ndef v_Cart(): ...")
    assert bound_label(folder, step("Add to basket!")) == "shop:add_to_basket"
    assert bound_label(folder, step("v_Cart", kind=StepKind.STATE)) == "shop:v_Cart"


def test_an_alias_is_a_name_like_any_other(tmp_path: Path) -> None:
    """`in_basket = in_shop` gives both states one check."""
    folder = write_suite(tmp_path, shop="def in_shop(): ...\nin_basket = in_shop")
    assert bound_label(folder, step("In basket", kind=StepKind.STATE)) == "shop:in_basket"


def test_two_elements_of_one_name_share_one_function(tmp_path: Path) -> None:
    """One function for a state and an action of the same name is wanted."""
    folder = write_suite(tmp_path, shop="def pay(): ...")
    assert bound_label(folder, step("Pay")) == bound_label(folder, step("Pay", kind=StepKind.STATE)) == "shop:pay"


def test_two_functions_for_one_name_are_an_error_with_both_places(tmp_path: Path) -> None:
    """Ambiguity is never resolved by guessing."""
    folder = write_suite(tmp_path, one="def pay(): ...", two="\ndef pay(): ...")
    with loaded(folder) as suite, pytest.raises(SuiteError, match=r"ambiguous: one:pay \(one.py:1\) and two:pay \(two.py:2\)"):
        suite.bind(step("pay"), "Web shop")


def test_two_decorated_functions_for_one_name_are_an_error(tmp_path: Path) -> None:
    """Also when one is for all models and the other for this one."""
    source = """
        from melanzana import action
        @action("pay")
        def a(): ...
        @action("pay", model="Web shop")
        def b(): ...
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        with pytest.raises(SuiteError, match="ambiguous"):
            suite.bind(step("pay"), "Web shop")
        assert suite.bind(step("pay"), "Another model")[0].label == "shop:a"


def test_a_function_imported_into_a_second_module_is_one_function(tmp_path: Path) -> None:
    """Importing steps from a sibling module does not make them ambiguous."""
    folder = write_suite(tmp_path, one="def pay(): ...", two="from one import pay")
    assert bound_label(folder, step("pay")) == "one:pay"


def test_a_decorator_of_the_users_own_keeps_the_mark(tmp_path: Path) -> None:
    """Functions are resolved as attributes, so a wrapper with functools.wraps is called, not skipped."""
    source = """
        import functools
        from melanzana import action
        def twice(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                function(*args, **kwargs)
                return function(*args, **kwargs)
            return wrapper
        calls = []
        @twice
        @action("count")
        def count(item: str):
            calls.append(item)
            return {"n": len(calls)}
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        [done] = perform(suite, step("count", item="a"))
    assert done.outputs == {"n": 2}


def test_methods_share_one_object_a_run(tmp_path: Path) -> None:
    """A class is made once, so methods may keep something on self."""
    source = """
        class WebShop:
            def __init__(self): self.items = 0
            def add(self): self.items += 1; return {"items": self.items}
            @staticmethod
            def static(): return {"items": -1}
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        done = perform(suite, step("add"), step("add"), step("x", call("shop:WebShop.add")), step("static"))
    assert [one.outputs["items"] for one in done] == [1, 2, 3, -1]


def test_an_element_without_code_is_fine(tmp_path: Path) -> None:
    """No function and no reference: nothing is performed. A name is not needed either."""
    folder = write_suite(tmp_path, shop="def pay(): ...")
    assert bound_label(folder, step("look")) is None
    assert bound_label(folder, step("")) is None


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("shop:pya", "there is no 'pya'; did you mean \"pay\"?"),
        ("shpo:pay", "there is no module 'shpo' in the suite .*; did you mean \"shop\"?"),
        ("shop:Cart.ad", 'did you mean "add"'),
        ("pay", "not of the form module:function"),
        ("shop:Cart", "is not a function"),
        ("shop:os.getcwd", "'os' is a module"),
        ("os:getcwd", "module 'os' is not the suite's"),
        ("shop:_hidden", "there is no '_hidden'"),
    ],
)
def test_a_wrong_reference_says_what_was_meant(tmp_path: Path, reference: str, message: str) -> None:
    """A reference that leads nowhere, or out of the suite, is an error and never another function."""
    source = "import os\ndef pay(): ...\ndef _hidden(): ...\nclass Cart:\n    def add(self): ..."
    with loaded(write_suite(tmp_path, shop=source)) as suite, pytest.raises(SuiteError, match=message):
        suite.bind(step("pay", call(reference)), "Web shop")


def test_without_a_suite_a_reference_is_an_error() -> None:
    """Code that the model names cannot be skipped in silence."""
    with pytest.raises(SuiteError, match="no suite was given"):
        perform(None, step("pay", call("shop:pay")))


def test_an_import_error_ends_in_the_last_line_of_the_traceback(tmp_path: Path) -> None:
    """What is wrong with the suite is said with its file and line."""
    folder = write_suite(tmp_path, shop="import time\n\nimport no_such_thing")
    with (
        pytest.raises(SuiteError, match=r"'shop': ModuleNotFoundError: No module named 'no_such_thing' \(shop.py:3\)"),
        loaded(folder),
    ):
        pass


def test_a_syntax_error_is_a_suite_error(tmp_path: Path) -> None:
    """A module that cannot be parsed is named."""
    with pytest.raises(SuiteError, match="'shop': SyntaxError"), loaded(write_suite(tmp_path, shop="def (:")):
        pass


def test_a_module_that_ends_python_is_a_suite_error(tmp_path: Path) -> None:
    """`sys.exit()` at import time does not end the worker."""
    with pytest.raises(SuiteError, match="SystemExit"), loaded(write_suite(tmp_path, shop="import sys; sys.exit(3)")):
        pass


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_folder_that_is_none_is_an_error(tmp_path: Path, name: str) -> None:
    """The suite must be a folder that exists."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match=r"does not exist|is not a folder"), loaded(tmp_path / name):
        pass


def test_a_path_that_ends_in_a_slash_is_fine(tmp_path: Path) -> None:
    """`suite/` and `suite` are one folder."""
    write_suite(tmp_path, shop="def pay(): ...")
    with loaded(Path(f"{tmp_path}/")) as suite:
        assert suite.bind(step("pay"), "m")


def test_a_module_hidden_by_one_that_is_loaded_is_an_error(tmp_path: Path) -> None:
    """A suite module called like a module of Python would not be used: say so."""
    with pytest.raises(SuiteError, match="rename"), loaded(write_suite(tmp_path, json="def pay(): ...")):
        pass


def test_modules_of_packages_can_be_referenced(tmp_path: Path) -> None:
    """`pages.cart:add` is a module inside a package of the suite."""
    write_suite(tmp_path / "pages", __init__="", cart="def add(): return {'n': 1}")
    with loaded(tmp_path) as suite:
        [done] = perform(suite, step("x", call("pages.cart:add")))
    assert done.outputs == {"n": 1}


def test_decorators_that_match_nothing_are_told(tmp_path: Path) -> None:
    """A slip in a decorated name would silently perform nothing, so it is a warning with a suggestion."""
    model = read_text("model: Web shop\nstart: Home\nstates:\n  Home:\n    actions:\n      add to basket: {to: exit}\n")
    source = """
        from melanzana import action, state
        @action("add to baskt")
        def a(): ...
        @state("Home")
        def b(): ...
        @action("x", model="Another")
        def c(): ...
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        assert list(suite.unmatched(model)) == [
            '@action("add to baskt") on shop:a (shop.py:3) names no action of this model; did you mean "add to basket"?'
        ]


def test_a_class_that_needs_arguments_is_an_error(tmp_path: Path) -> None:
    """Classes are made without arguments; the error says what to do instead."""
    folder = write_suite(tmp_path, shop="class WebShop:\n    def __init__(self, page): ...\n    def pay(self): ...")
    with loaded(folder) as suite, pytest.raises(SuiteError, match="let its methods ask for fixtures"):
        suite.bind(step("pay"), "Web shop")


def test_decorated_methods_are_bound_to_an_object(tmp_path: Path) -> None:
    """`@state` on a method calls it on the class's object."""
    source = """
        from melanzana import state
        class Anything:
            @state("Home")
            def check(self, title: str): assert isinstance(self, Anything) and title == "x"
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        [done] = perform(suite, step("Home", kind=StepKind.STATE, title="x"))
    assert done.verdict is Verdict.PASSED, done.message
