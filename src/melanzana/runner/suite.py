"""Which function performs which element: finds action code in a suite folder and binds steps to it.

Order: the model's explicit reference (`module:function`, `module:Class.method`); then `@action` / `@state` with the element's name;
then a method named like the element in a class named like the model or like the state; then a function named like the element.
Names are compared as they are and as slugs (`Add to basket` is `add_to_basket`). Two functions found at one level are an error,
never a guess; nothing found without an explicit reference means that the element has no code, which is fine.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from melanzana.errors import SuiteError
from melanzana.generation.step import Call, Step, StepKind
from melanzana.graph.model import Model
from melanzana.runner.loading import load_module, module_names, open_folder
from melanzana.runner.naming import class_key, did_you_mean, slug
from melanzana.runner.scanning import Found, Inventory, place_of, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A function to call for a step. `call` is None when it was found by the element's name."""

    function: Callable[..., Any]
    label: str  #: `shop_steps:Webshop.basket`
    call: Call | None = None


@dataclass(slots=True, kw_only=True)
class Suite:
    """Loaded action code of one run."""

    folder: Path
    inventory: Inventory
    _instances: dict[type, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | Path) -> "Suite":
        """Import the suite's modules and list what is in them. Raises SuiteError."""
        path = open_folder(folder)
        return cls(folder=path, inventory=scan(load_module(path, name) for name in module_names(path)))

    def bind(self, step: Step, model: str) -> tuple[Bound, ...]:
        """The functions that perform `step`, in order; none when it has no code. Raises SuiteError."""
        if step.calls:
            return tuple(self._explicit(call) for call in step.calls)
        found = self._by_name(step, model) if step.name else None
        return () if found is None else (Bound(function=self._callable(found), label=found.label),)

    def unmatched(self, model: Model) -> Iterator[str]:
        """A sentence for every `@action` and `@state` that names nothing in this model: most often a slip of the pen."""
        names = {
            StepKind.ACTION: {action.name for _, action in model.actions()},
            StepKind.STATE: {state.name for state in model.states},
        }
        for mark, found in self.inventory.marks:
            known = names[StepKind(mark.kind)]
            if mark.name not in known and (mark.model is None or class_key(mark.model) == class_key(model.name)):
                hint = did_you_mean(mark.name, known)
                yield f'@{mark.kind}("{mark.name}") on {found.label} ({found.place}) names no {mark.kind} of this model{hint}'

    # --- explicit references ------------------------------------------------------------------------------------------------------

    def _explicit(self, call: Call) -> Bound:
        module_name, colon, path = call.reference.partition(":")
        if not colon or not module_name or not path:
            raise SuiteError(
                f"the reference {call.reference!r} is not of the form module:function or module:Class.method",
                reference=call.reference,
            )
        holder: Any = load_module(self.folder, module_name)
        for name in path.split("."):
            holder = self._attribute(holder, name, call.reference)
        if not callable(holder) or isinstance(holder, type):
            raise SuiteError(f"{call.reference} is not a function", reference=call.reference)
        return Bound(function=holder, label=call.reference, call=call)

    def _attribute(self, holder: Any, name: str, reference: str) -> Any:
        if name.startswith("_") or not hasattr(holder, name):
            known = [known for known in dir(holder) if not known.startswith("_")]
            raise SuiteError(f"{reference}: there is no {name!r}{did_you_mean(name, known)}", reference=reference)
        found = getattr(self._instance(holder) if isinstance(holder, type) else holder, name)
        if isinstance(found, ModuleType):
            raise SuiteError(f"{reference}: {name!r} is a module; name the function's own module", reference=reference)
        return found

    # --- by name ------------------------------------------------------------------------------------------------------------------

    def _by_name(self, step: Step, model: str) -> Found | None:
        for level in (self._decorated(step, model), self._methods(step, model), self._functions(step)):
            found = {id(candidate.identity): candidate for candidate in level}
            if len(found) > 1:
                raise _ambiguous(step, found.values())
            if found:
                return next(iter(found.values()))
        return None

    def _decorated(self, step: Step, model: str) -> Iterator[Found]:
        for mark, found in self.inventory.marks:
            fits = mark.model is None or class_key(mark.model) == class_key(model)
            if fits and mark.kind == step.kind and mark.name == step.name:
                yield found

    def _methods(self, step: Step, model: str) -> Iterator[Found]:
        wanted = {class_key(model), class_key(step.state)}
        for holder in self.inventory.classes:
            if class_key(holder.__name__) in wanted:
                for name in {step.name, slug(step.name)}:
                    method = getattr(holder, name, None) if name.isidentifier() and not name.startswith("__") else None
                    if callable(method) and not isinstance(method, type):
                        yield Found(method, f"{holder.__module__}:{holder.__qualname__}.{name}", place_of(method), holder)

    def _functions(self, step: Step) -> Iterator[Found]:
        for name in {step.name, slug(step.name)}:
            yield from self.inventory.functions.get(name, ())

    def _callable(self, found: Found) -> Callable[..., Any]:
        if found.holder is None:
            return found.function
        method: Callable[..., Any] = getattr(self._instance(found.holder), found.label.rpartition(".")[2])
        return method

    def _instance(self, holder: type) -> Any:
        """One object of each class a run, made when it is first needed."""
        if holder not in self._instances:
            try:
                self._instances[holder] = holder()
            except Exception as error:
                raise SuiteError(
                    f"cannot make a {holder.__qualname__}: {type(error).__name__}: {error}; "
                    "a class of steps is made without arguments (let its methods ask for fixtures)"
                ) from error
        return self._instances[holder]


def _ambiguous(step: Step, found: Iterable[Found]) -> SuiteError:
    places = " and ".join(sorted(f"{candidate.label} ({candidate.place})" for candidate in found))
    return SuiteError(
        f'{step.kind} "{step.name}" is ambiguous: {places}; rename one, or name the right one in the model',
        element=step.name,
    )
