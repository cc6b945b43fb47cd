"""Fixtures: made once a scope, torn down always."""

from pathlib import Path

import pytest

from melanzana import fixture
from melanzana.errors import SuiteError
from melanzana.generation.step import Verdict
from melanzana.runner.performer import Performer
from support_suite import loaded, perform, step, write_suite

TRACE = """
    from melanzana import fixture
    trace = []

    @fixture(scope="run")
    def server():
        trace.append("server up")
        yield "server"
        trace.append("server down")

    @fixture
    def page(server):
        trace.append(f"page on {server}")
        yield "page"
        trace.append("page closed")

    def look(page): trace.append("look")
    def fail(page): trace.append("fail"); raise AssertionError("broken")
    def done(): return {"trace": list(trace)}
"""


def test_step_fixtures_close_after_each_step_and_run_fixtures_at_the_end(tmp_path: Path) -> None:
    """Scopes are kept, in the reverse order of making, after failures, too."""
    with loaded(write_suite(tmp_path, shop=TRACE)) as suite:
        results = perform(suite, step("look"), step("fail"), step("done"))
        import shop

        assert results[2].outputs["trace"] == [
            *("server up", "page on server", "look", "page closed"),
            *("page on server", "fail", "page closed"),
        ]
        assert shop.trace[-1] == "server down"


def test_a_fixture_that_cannot_be_made_is_an_error_and_the_others_are_torn_down(tmp_path: Path) -> None:
    """The step is an error, not a failure; what was made before is closed; the failed one is not tried again in the run."""
    source = """
        from melanzana import fixture
        trace = []
        @fixture(scope="run")
        def first():
            yield 1
            trace.append("first closed")
        @fixture(scope="run")
        def second(first):
            trace.append("second tried")
            try:
                raise ConnectionError("refused")
            finally:
                trace.append("second gave up")
            yield
        def look(second): trace.append("never")
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        one, again = perform(suite, step("look"), step("look"))
        import shop

        assert shop.trace == ["second tried", "second gave up", "first closed"]
    assert one.verdict is again.verdict is Verdict.ERROR
    assert one.message == 'fixture "second" could not be made: ConnectionError: refused (shop.py:12)'


def test_every_teardown_runs_although_one_raises(tmp_path: Path) -> None:
    """A teardown that raises makes a passed step an error and hides nothing."""
    source = """
        from melanzana import fixture
        trace = []
        @fixture
        def first():
            yield
            trace.append("first closed")
        @fixture
        def second(first):
            yield
            raise OSError("disk")
        def look(second): ...
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        [done] = perform(suite, step("look"))
        import shop

        assert shop.trace == ["first closed"]
    assert done.verdict is Verdict.ERROR
    assert done.message.startswith('teardown of fixture "second": OSError: disk (shop.py:11)')


def test_a_failed_step_stays_failed_when_its_teardown_raises(tmp_path: Path) -> None:
    """What the system under test did wrong counts more."""
    source = """
        from melanzana import fixture
        @fixture
        def page():
            yield
            raise OSError("disk")
        def look(page): assert False, "broken"
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        [done] = perform(suite, step("look"))
    assert done.verdict is Verdict.FAILED and "broken" in done.message
    assert any("OSError" in note.message for note in done.notes)


def test_teardown_of_the_run_is_told_by_close(tmp_path: Path) -> None:
    """What goes wrong at the very end is not lost."""
    source = """
        from melanzana import fixture
        @fixture(scope="run")
        def page():
            yield
            raise OSError("disk")
        def look(page): ...
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        performer = Performer(suite, "m")
        performer.perform(step("look"), performer.bind(step("look")))
        assert [failure.message for failure in performer.close()] == ['teardown of fixture "page": OSError: disk (shop.py:6)']


def test_async_code_and_fixtures_share_one_loop(tmp_path: Path) -> None:
    """`async def` works for steps and fixtures, on the same event loop for the whole run."""
    source = """
        import asyncio
        from melanzana import fixture
        trace = []
        @fixture(scope="run")
        async def client():
            trace.append(id(asyncio.get_running_loop()))
            yield asyncio.Event()
            trace.append(id(asyncio.get_running_loop()))
        @fixture
        async def number():
            return 7
        async def look(client, number):
            trace.append(id(asyncio.get_running_loop()))
            asyncio.get_running_loop().call_soon(client.set)
            await client.wait()
            return {"number": number}
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        [done] = perform(suite, step("look"))
        import shop

        assert len(shop.trace) == 3 and len(set(shop.trace)) == 1
    assert done.outputs == {"number": 7}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("@fixture(scope='run')\ndef a(b): ...\n@fixture\ndef b(): ...\ndef look(a): ...", "lives for the run and cannot ask for"),
        ("@fixture\ndef a(b): ...\n@fixture\ndef b(a): ...\ndef look(a): ...", "in a circle: a → b → a"),
        ("@fixture\ndef a(sever): ...\n@fixture\ndef server(): ...\ndef look(a): ...", 'did you mean "server"'),
        ("@fixture\ndef a():\n    yield 1\n    yield 2\ndef look(a): ...", "a fixture yields once"),
    ],
)
def test_a_fixture_that_is_used_wrongly_is_an_error(tmp_path: Path, source: str, message: str) -> None:
    """The message says which rule was broken."""
    with loaded(write_suite(tmp_path, shop="from melanzana import fixture\n" + source)) as suite:
        [done] = perform(suite, step("look"))
    assert done.verdict is Verdict.ERROR and message in done.message


def test_two_fixtures_of_one_name_are_an_error(tmp_path: Path) -> None:
    """Both places are named when the suite is loaded."""
    source = "from melanzana import fixture\n@fixture\ndef page(): ...\n"
    folder = write_suite(tmp_path, one=source, two=source)
    with pytest.raises(SuiteError, match=r'fixture "page" is ambiguous: one:page \(one.py:2\) and two:page'), loaded(folder):
        pass


def test_a_fixture_may_have_another_name_and_see_the_variables_of_its_step(tmp_path: Path) -> None:
    """`name=` renames it; a step fixture takes variables like a step does."""
    source = """
        from melanzana import fixture
        @fixture(name="page")
        def make_page(url: str, data): return f"{url} of {len(data)}"
        def look(page): return {"page": page}
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        [done] = perform(suite, step("look", url="/start", n=1))
    assert done.outputs == {"page": "/start of 2"}


def test_a_wrong_scope_is_refused_where_it_is_written() -> None:
    """The decorator itself says which scopes there are."""
    with pytest.raises(ValueError, match='"run" or "step"'):
        fixture(scope="session")  # type: ignore[call-overload]
