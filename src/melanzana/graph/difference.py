"""What has changed between two models, by meaning and not by text: a list of changes, each with a sentence.

`melanzana diff` prints it, the REST API answers it, and reports carry coverage over what did not change. `matching.py` says which
element is which, `normal_form.py` what counts as the same. Linear in the size of the models, but for elements that have neither id
nor name in common: these are compared with every other one that has anything in common with them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from melanzana.graph.matching import Matching
from melanzana.graph.model import Model, Parameter, StateKind
from melanzana.graph.normal_form import Aspects, NormalForm, model_aspects, parameter_in_words, shortened

#: Changes after which an element no longer does what it did. Another name, weight or requirement leaves what it does as it was.
BEHAVIOUR = frozenset({"kind", "guard", "assignments", "call limit", "parameters", "snippets", "sub-models", "place"})


class ChangeKind(StrEnum):
    """What happened to an element."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one element."""

    kind: ChangeKind
    what: str  #: model, variable, state, action, test case
    name: str  #: in the new model; of a removed element, in the old one
    aspect: str = ""  #: of CHANGED: guard, assignments, targets, …
    old_id: str | None = None
    new_id: str | None = None
    sentence: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the command line and the REST API write it."""
        return {
            "kind": str(self.kind),
            "what": self.what,
            "name": self.name,
            "aspect": self.aspect or None,
            "old_id": self.old_id,
            "new_id": self.new_id,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All changes, in the order of the new model; what is gone comes last."""

    changes: tuple[Change, ...]
    elements: Mapping[str, str]  #: states and actions that are in both models: old id → new id
    variables: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    #: variables in both models that can hold the same as before: (id of the element, or "", and name), old → new
    notes: tuple[str, ...] = ()  #: what differs and is no part of the logic

    @property
    def same(self) -> bool:
        """Do both models mean the same?"""
        return not self.changes

    @cached_property
    def altered(self) -> frozenset[str]:
        """Ids, in the old model, of elements that no longer do what they did."""
        return frozenset(c.old_id for c in self.changes if c.old_id and c.kind is ChangeKind.CHANGED and c.aspect in BEHAVIOUR)

    def count(self) -> dict[str, int]:
        """How many changes there are of each kind."""
        return {str(kind): sum(change.kind is kind for change in self.changes) for kind in ChangeKind}

    def to_json(self) -> dict[str, Any]:
        """As the command line and the REST API write it."""
        changes = [change.to_json() for change in self.changes]
        return {"same": self.same, "count": self.count(), "changes": changes, "notes": list(self.notes)}


def difference(old: Model, new: Model) -> Difference:
    """What has changed from `old` to `new`. Both may have errors; what cannot be read is compared as text."""
    return _Comparison(old, new).result()


@dataclass(frozen=True, slots=True)
class _Subject:
    """An element as it is named in sentences, with what is compared of it."""

    what: str
    id: str
    name: str
    place: str  #: id of the state that owns an action, else ""
    label: str
    aspects: Aspects


class _Whose(NamedTuple):
    """The element that a change is about."""

    what: str
    name: str
    old_id: str | None = None
    new_id: str | None = None


class _Comparison:
    def __init__(self, old: Model, new: Model) -> None:
        self._old, self._new = old, new
        self._matching = Matching(old, new)
        self._pairs = self._matching.elements | self._matching.test_cases
        self._changes: list[Change] = []

    def result(self) -> Difference:
        names = {one: other for one, other in self._matching.variables.items() if one != other}
        self._model()
        self._variables()
        before = {
            subject.id: subject for subject in _subjects(self._old, NormalForm(names, self._pairs, _names(self._old).__getitem__))
        }
        self._elements(before, _subjects(self._new, NormalForm({}, {}, _names(self._new).__getitem__)))
        return Difference(
            changes=tuple(self._changes),
            elements=self._matching.elements,
            variables=dict(self._kept_variables()),
            notes=tuple(self._notes()),
        )

    def _model(self) -> None:
        old, new = self._old, self._new
        whose = _Whose("model", new.name, old.id, new.id)
        if old.name != new.name:
            self._note(ChangeKind.RENAMED, whose, f"the model '{old.name}' is now called '{new.name}'")
        before = model_aspects(old)
        for aspect, (value, words) in model_aspects(new).items():
            if value != before[aspect][0]:
                self._note(ChangeKind.CHANGED, whose, f"the model: {aspect} was {before[aspect][1]}, is {words}", aspect)

    def _variables(self) -> None:
        pairs = self._matching.variables
        old = {p.name: p for p in self._old.parameters}
        back = {after: before for before, after in pairs.items()}
        for parameter in self._new.parameters:
            name = parameter.name
            if name in back:
                self._variable(old[back[name]], parameter)
            else:
                words = shortened(parameter_in_words(parameter))
                self._note(ChangeKind.ADDED, _Whose("variable", name), f"variable '{name}' is new ({words})")
        for name in old:
            if name not in pairs:
                self._note(ChangeKind.REMOVED, _Whose("variable", name), f"variable '{name}' is gone")

    def _variable(self, old: Parameter, new: Parameter) -> None:
        form, whose = NormalForm({}, {}, str), _Whose("variable", new.name)
        if old.name != new.name:
            self._note(ChangeKind.RENAMED, whose, f"variable '{old.name}' is now called '{new.name}'")
        if form.parameter(old) != form.parameter(new):
            was, now = shortened(parameter_in_words(old)), shortened(parameter_in_words(new))
            self._note(ChangeKind.CHANGED, whose, f"variable '{new.name}' was `{was}`, is `{now}`", "values")

    def _elements(self, old: dict[str, _Subject], new: Iterable[_Subject]) -> None:
        back = {after: before for before, after in self._pairs.items()}
        for subject in new:
            if subject.id in back:
                self._pair(old[back[subject.id]], subject)
            else:
                whose = _Whose(subject.what, subject.name, None, subject.id)
                self._note(ChangeKind.ADDED, whose, f"{subject.label} is new")
        for before in old.values():
            if before.id not in self._pairs:
                self._note(ChangeKind.REMOVED, _Whose(before.what, before.name, before.id), f"{before.label} is gone")

    def _pair(self, old: _Subject, new: _Subject) -> None:
        whose = _Whose(new.what, new.name, old.id, new.id)
        if old.name != new.name:
            self._note(ChangeKind.RENAMED, whose, f"{old.label} is now called '{new.name}'")
        if new.what == "action" and self._matching.states.get(old.place, old.place) != new.place:
            self._note(ChangeKind.CHANGED, whose, f"{old.label} has become {new.label}", "place")
        for aspect, (value, words) in new.aspects.items():
            before, words_before = old.aspects[aspect]
            if value != before:
                was, now = ("were", "are") if aspect.endswith("s") else ("was", "is")
                sentence = f"{new.label}: {aspect} {was} {shortened(words_before)}, {now} {shortened(words)}"
                self._note(ChangeKind.CHANGED, whose, sentence, aspect)

    def _kept_variables(self) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
        """Variables that can hold the same as before."""
        form = NormalForm({}, {}, str)
        new = dict(_declared(self._new))
        for (place, name), parameter in _declared(self._old):
            where = self._pairs.get(place, place) if place else ""
            home = (where, name if place else self._matching.variables.get(name, name))
            if home in new and form.parameter(new[home]) == form.parameter(parameter):
                yield (place, name), home

    def _notes(self) -> Iterator[str]:
        """Order is no part of the logic, but of the path that a seed gives."""
        order = {element: number for number, element in enumerate(_in_order(self._new))}
        kept = [order[self._pairs[element]] for element in _in_order(self._old) if element in self._pairs]
        if self._targets_turned() or any(one > other for one, other in pairwise(kept)):
            yield "states, actions or targets stand in another order: they mean the same, but a seed gives another path"

    def _targets_turned(self) -> bool:
        new = {action.id: list(dict.fromkeys(action.targets)) for _, action in self._new.actions()}
        for _, action in self._old.actions():
            if action.id in self._pairs:
                was, now = [self._pairs.get(t, t) for t in dict.fromkeys(action.targets)], new[self._pairs[action.id]]
                if was != now and set(was) == set(now):
                    return True
        return False

    def _note(self, kind: ChangeKind, whose: _Whose, sentence: str, aspect: str = "") -> None:
        what, name, old_id, new_id = whose
        change = Change(kind=kind, what=what, name=name, aspect=aspect, old_id=old_id, new_id=new_id, sentence=sentence)
        self._changes.append(change)


def _subjects(model: Model, form: NormalForm) -> Iterator[_Subject]:
    """States, each with its actions behind it, global actions, test cases."""
    for state in model.states:
        kind = "" if state.kind in (StateKind.NORMAL, StateKind.START) else f"{state.kind} "
        yield _Subject("state", state.id, state.name, "", f"{kind}state '{state.name}'", form.state(state))
        for action in state.actions:
            label = f"action '{action.name}' of '{state.name}'"
            yield _Subject("action", action.id, action.name, state.id, label, form.action(action))
    for action in model.global_actions:
        yield _Subject("action", action.id, action.name, "", f"global action '{action.name}'", form.action(action))
    for case in model.test_cases:
        yield _Subject("test case", case.id, case.name, "", f"test case '{case.name}'", form.test_case(case))


def _declared(model: Model) -> Iterator[tuple[tuple[str, str], Parameter]]:
    yield from ((("", p.name), p) for p in model.parameters)
    for state in model.states:
        yield from (((state.id, p.name), p) for p in state.parameters)
    for _, action in model.actions():
        yield from (((action.id, p.name), p) for p in action.parameters)


class _Names(dict[str, str]):
    """Names by id; what has none is called by its id."""

    def __missing__(self, key: str) -> str:
        return key


def _names(model: Model) -> _Names:
    return _Names(
        {state.id: f"'{state.name}'" for state in model.states} | {action.id: f"'{action.name}'" for _, action in model.actions()}
    )


def _in_order(model: Model) -> Iterator[str]:
    for state in model.states:
        yield state.id
        yield from (action.id for action in state.actions)
    yield from (action.id for action in model.global_actions)
