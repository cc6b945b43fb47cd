"""What path is wanted, as text: `random(steps(500))`, `directed("buy a lamp")`, `tour() then weighted(reached(Basket))`.

People write path expressions on the command line, in a model's file and in the start call; the snapshot of an execution carries
the text, and `Walk` reads it here again. `docs/reference/paths.md` is the manual. The result is checked against the model: names
exist, and what is asked for is not impossible from the start.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from melanzana.generation.path_tokens import Token, Tokens, unescaped
from melanzana.generation.possible import BEGINNING, refuse
from melanzana.generation.questions import MAX_SECONDS, Questions, argument_of, count, fail, meant, number, share, whole
from melanzana.generation.stop_conditions import AllOf, AnyOf, Reached, StopCondition
from melanzana.generation.totals import Given
from melanzana.graph.model import Model, TestCase

MAX_CHARACTERS = 10_000
MAX_DEPTH = 50
#: Generators in one chain.
MAX_PARTS = 20
#: Limits of a run that asks for nothing else, as DAI has them.
DEFAULT_ITERATIONS = 1
DEFAULT_ACTIONS = 10_000
_NOTHING_GIVEN = Given()


class GeneratorKind(StrEnum):
    """How the next action is chosen."""

    RANDOM = "random"  #: all that may be performed alike
    WEIGHTED = "weighted"  #: in proportion to their weights
    DIRECTED = "directed"  #: as a test case says
    TOUR = "tour"  #: the cheapest walk through every transition that can be taken
    QUICK = "quick"  #: always on to the nearest transition that was not gone through
    EXPLORE = "explore"  #: where something new is to be found, as was learnt
    SHORTEST = "shortest"  #: the cheapest way to an element
    PREDEFINED = "predefined"  #: these elements, one after the other
    REPLAY = "replay"  #: what was recorded of a run


@dataclass(frozen=True, slots=True, kw_only=True)
class TourSettings:
    """What is said of a tour besides its stop condition."""

    reset_seconds: float | None = None  #: what starting over before Exit costs; None: it is done where nothing else leads on
    steps: int | None = None  #: cut into test cases of at most so many steps
    share: tuple[int, int] | None = None  #: only the test cases of agent n (from 1) of m


class ExploreSettings(NamedTuple):
    """How deep `explore` looks."""

    path_depth: int = 2  #: transitions in a row, 1 to 5
    variable_depth: int = 2  #: variables together, 0 to 2


DEFAULT_DEPTHS = ExploreSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPlan:
    """A path expression, read. A tour may do without a condition, a test case has none."""

    text: str
    generator: GeneratorKind
    condition: StopCondition | None = None
    test_case: TestCase | None = None
    tour: TourSettings | None = None
    explore: ExploreSettings = DEFAULT_DEPTHS
    names: tuple[str, ...] = ()  #: of a predefined path; none: they come with the plan
    condition_at: int = 0  #: where the condition stands in the text, characters from 0
    then: tuple["PathPlan", ...] = ()  #: what is walked after it, one after the other

    @property
    def parts(self) -> tuple["PathPlan", ...]:
        """This generator and those that follow it."""
        return (self, *self.then)

    @property
    def test_cases(self) -> tuple[TestCase, ...]:
        """The test cases that its parts perform."""
        return tuple(part.test_case for part in self.parts if part.test_case is not None)


def parse_path(text: str, model: Model, given: Given = _NOTHING_GIVEN) -> PathPlan:
    """The plan that `text` means on `model`. `given`: what `feasible_…` conditions go by.

    Errors: `PathExpressionError` with `position` (characters from 0): wrong grammar, a name the model does not have, a stop
    condition that can never be met on it (`ImpossibleGoalError`), guards and data left aside; `possible.py` looks at these.
    """
    return _Parser(text, model, given).plan()


def default_path(test_case: str | None = None, *, iterations: int = DEFAULT_ITERATIONS, actions: int = DEFAULT_ACTIONS) -> str:
    """The path expression of a run that names none: the test case, or a weighted walk within DAI's default limits."""
    if test_case is not None:
        return f"directed({quoted(test_case)})"
    return f"weighted(iterations({iterations}) or actions({actions}))"


def quoted(name: str) -> str:
    """A name as it stands between quotes in a path expression."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


_JOINTS = {"and": "and", "or": "or"}
_GENERATORS = {
    **{kind.value: kind for kind in GeneratorKind},
    "weighted_random": GeneratorKind.WEIGHTED,
    "quick_random": GeneratorKind.QUICK,
    "predefined_path": GeneratorKind.PREDEFINED,
}
_CUTS = ("split", "shard")
#: Least and most of what `explore` looks at together.
_DEPTHS = {"path_depth": (1, 5), "variable_depth": (0, 2)}


class _Parser:
    """Reads one expression by recursive descent: `or` joins `and`s, `and` joins questions and brackets."""

    def __init__(self, text: str, model: Model, given: Given) -> None:
        if len(text) > MAX_CHARACTERS:
            fail(f"the path expression is longer than {MAX_CHARACTERS:,} characters", 0)
        self._text = text
        self._model = model
        self._tokens = Tokens(text)
        self._depth = 0
        self._questions = Questions(model, given)
        self._condition_at = 0

    def plan(self) -> PathPlan:
        word = self._tokens.next()
        if word.kind == "end":
            fail("the path expression is empty; write for example random(transition_coverage(100))", 0)
        parts = [self._part(word)]
        while (link := self._tokens.next()).kind != "end":
            word = self._linked(link, len(parts))
            parts.append(self._part(word))
            _require_chainable(parts, word.position)
        return replace(parts[0], then=tuple(parts[1:]))

    def _part(self, word: Token) -> PathPlan:
        self._condition_at = 0
        plan = self._generator(word)
        return replace(plan, condition_at=self._condition_at)

    def _linked(self, link: Token, before: int) -> Token:
        """The word of the generator behind `then`, of which `link` is to be one; `before` generators came before it."""
        if link.text.lower() != "then":
            if link.text.lower() in (*_GENERATORS, *_CUTS):
                fail(f"write 'then' between two generators, before '{link.text}'", link.position)
            fail(f"'{link.text}' is too much after the closing bracket{meant(link.text, ['then'])}", link.position)
        word = self._tokens.next()
        if word.kind == "end":
            fail("a generator is expected after 'then'", word.position)
        if before == MAX_PARTS:
            fail(f"a path has at most {MAX_PARTS} generators", word.position)
        return word

    def _generator(self, word: Token) -> PathPlan:
        name = word.text.lower()
        if name in _CUTS:
            return self._cut(word)
        generator = _GENERATORS.get(name)
        if generator is None:
            choice = "there are random, weighted, quick, explore, directed, tour, split, shard, shortest, predefined and replay"
            fail(f"unknown generator '{word.text}'{meant(word.text, [*_GENERATORS, *_CUTS])}; {choice}", word.position)
        self._tokens.want("open", f"'(' after '{word.text}'")
        if generator is GeneratorKind.DIRECTED:
            return PathPlan(text=self._text, generator=generator, test_case=self._test_case())
        if generator is GeneratorKind.TOUR:
            return self._tour()
        if generator in (GeneratorKind.PREDEFINED, GeneratorKind.REPLAY):
            return PathPlan(text=self._text, generator=generator, names=self._names(word))
        if generator is GeneratorKind.EXPLORE:
            return self._explore()
        condition = self._checked_condition()
        if generator is GeneratorKind.SHORTEST and not isinstance(condition, Reached):
            fail("shortest takes one question: reached(name), reached_vertex(name) or reached_edge(name)", word.position)
        return PathPlan(text=self._text, generator=generator, condition=condition)

    # ---- tours

    def _tour(self) -> PathPlan:
        """What stands between the brackets: nothing, `reset(price)`, a stop condition, or both with a comma between."""
        reset = None
        first = self._tokens.peek()
        if first.kind == "word" and first.text.lower() == "reset":
            self._tokens.next()
            text, position = self._tokens.argument(first, "a price in seconds")
            reset = number(text, "reset", position, MAX_SECONDS)
            if self._tokens.peek().kind == "comma":
                self._tokens.next()
            elif self._tokens.peek().kind != "close":
                self._tokens.want("comma", "',' or ')' after the price")
        condition = None
        if self._tokens.peek().kind == "close":
            self._tokens.next()
        else:
            condition = self._checked_condition()
        settings = TourSettings(reset_seconds=reset)
        return PathPlan(text=self._text, generator=GeneratorKind.TOUR, condition=condition, tour=settings)

    def _cut(self, word: Token) -> PathPlan:
        """`split(tour(…), n)` or `shard(tour(…) or split(…), n/m)`."""
        self._tokens.want("open", f"'(' after '{word.text}'")
        self._depth += 1
        inner = self._tokens.next()
        allowed = ("tour",) if word.text.lower() == "split" else ("tour", "split")
        if inner.text.lower() not in allowed:
            fail(f"{word.text} takes {' or '.join(f'{name}(…)' for name in allowed)}, not '{inner.text}'", inner.position)
        plan = self._generator(inner)
        assert plan.tour is not None  # only tours come here
        self._tokens.want("comma", f"',' after the tour in '{word.text}'")
        first = self._tokens.peek()
        text, position = self._tokens.rest_of_brackets("a number of steps" if word.text.lower() == "split" else "a share like 1/4")
        if word.text.lower() == "split":
            return replace(plan, tour=replace(plan.tour, steps=count(text, word.text, position)))
        return replace(plan, tour=replace(plan.tour, share=share(text, first.position)))

    # ---- exploring

    def _explore(self) -> PathPlan:
        """A condition, then any of `path_depth(n)` and `variable_depth(n)`, with commas before them."""
        condition = self._checked_condition("comma", "close")
        depths = ExploreSettings()
        while self._tokens.last == "comma":
            word = self._tokens.next()
            name = word.text.lower()
            if name not in _DEPTHS:
                fail(f"path_depth(n) or variable_depth(n) is expected here, not '{word.text}'", word.position)
            text, position = self._tokens.argument(word, "a number")
            depths = depths._replace(**{name: whole(text, name, position, _DEPTHS[name])})
            self._tokens.want(("comma", "close"), "',' or ')'")
        return PathPlan(text=self._text, generator=GeneratorKind.EXPLORE, condition=condition, explore=depths)

    # ---- given steps

    def _names(self, word: Token) -> tuple[str, ...]:
        """Names between the brackets, quoted or plain, with commas between them; none are allowed, too."""
        names: list[str] = []
        while (token := self._tokens.next()).kind in ("word", "quoted"):
            names.append(token.text if token.kind != "quoted" else unescaped(token.text))
            if self._tokens.peek().kind == "comma":
                self._tokens.next()
            elif self._tokens.peek().kind != "close":
                self._tokens.want("close", f"',' or ')' after '{names[-1]}'")
        if token.kind != "close":
            fail(f"a name or ')' is expected here, not '{token.text}'", token.position)
        if names and word.text.lower() == "replay":
            fail("replay() takes no names: its steps come with the plan; predefined(…) takes names", word.position)
        return tuple(names)

    # ---- conditions

    def _checked_condition(self, *ends: str) -> StopCondition:
        start = self._tokens.peek()
        if start.kind == "close":
            fail("a stop condition is missing between the brackets; write for example steps(100)", start.position)
        condition = self._any_of()
        self._tokens.want(ends or ("close",), "')' after the stop condition")
        if condition.needs_reach:
            refuse(condition.feasibility(BEGINNING, self._questions.reach), start.position)
        self._condition_at = start.position
        return condition

    def _any_of(self) -> StopCondition:
        parts = [self._all_of()]
        while self._joint() == "or":
            self._tokens.next()
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all_of(self) -> StopCondition:
        parts = [self._question()]
        while self._joint() == "and":
            self._tokens.next()
            parts.append(self._question())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _joint(self) -> str:
        token = self._tokens.peek()
        return _JOINTS.get(token.text.lower(), "") if token.kind == "word" else token.kind

    def _question(self) -> StopCondition:
        token = self._tokens.next()
        if token.kind == "open":
            return self._in_brackets(token)
        argument = argument_of(token.text, token.position)
        if argument is None:
            self._no_argument()
            return self._questions.make(token.text, "", token.position)
        self._tokens.want("open", f"'(' and {argument} after '{token.text}'")
        text, position = self._tokens.rest_of_brackets(argument)
        return self._questions.make(token.text, text, position)

    def _no_argument(self) -> None:
        if self._tokens.peek().kind == "open":
            self._tokens.next()
            self._tokens.want("close", "')' without anything before it")

    def _in_brackets(self, opened: Token) -> StopCondition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            fail(f"brackets are nested more than {MAX_DEPTH} deep", opened.position)
        condition = self._any_of()
        self._tokens.want("close", "')'")
        self._depth -= 1
        return condition

    # ---- test cases

    def _test_case(self) -> TestCase:
        name, position = self._tokens.rest_of_brackets("the name of a test case")
        cases = self._model.test_cases
        for case in cases:
            if name == case.id:
                return case
        named = [case for case in cases if name == case.name]
        if len(named) > 1:
            fail(f"the model has {len(named)} test cases named '{name}': use the id of one", position)
        if not named:
            fail(f"the model has no test case '{name}'{meant(name, [case.name for case in cases])}", position)
        return named[0]


def _require_chainable(parts: list[PathPlan], position: int) -> None:
    """Can the last part follow the others? `position` is where it begins."""
    if any(part.generator is GeneratorKind.REPLAY for part in parts):
        fail("replay() follows a whole run and stands alone; predefined(…) can be part of a chain", position)
    fixed: dict[str, tuple[object, str]] = {}
    for case in [part.test_case for part in parts if part.test_case is not None]:
        if any(step.sub_model_test_case is not None for step in case.steps):
            fail(f"test case '{case.name}' names test cases of sub-models and stands alone, not in a chain", position)
        for name, value in case.parameters.items():
            other, said_by = fixed.setdefault(name, (value, case.name))
            if other != value:
                fail(f"test cases '{said_by}' and '{case.name}' set '{name}' to different values for the whole walk", position)
