"""Which variable a name means, and what it holds now.

Parameters live in three scopes: global, of a state, of an action. Expressions of an action see its own, those of the state that
owns it, and the global ones; expressions of a state its own and the global ones. The innermost declaration of a name wins. A
global action is owned by no state and sees no state's parameters. Besides, `state` is the name of the state the walk is in.

`Scopes` is made once a model, by `network.py`; `Values` once a walk, by `position.py`. A model without local parameters pays
nothing for scopes: every view is then the one global dictionary itself.
"""

from collections.abc import Iterable, Mapping

from melanzana.errors import EvaluationError, RequestError
from melanzana.generation.data import Domain, unknown_parameter
from melanzana.generation.prng import Prng
from melanzana.generation.sampling import Decks
from melanzana.graph.expressions import STATE_VARIABLE, STRING, ExprType, expression_type
from melanzana.graph.model import Parameter, Scalar, Value

_NOTHING: Mapping[str, Value] = {}


class Scope:
    """What the expressions of one place can name. `stores` are indexes into `Values.stores`, outermost first."""

    __slots__ = ("homes", "plain", "stores", "types")

    def __init__(self, layout: list[dict[str, Domain]], stores: tuple[int, ...]) -> None:
        self.stores = stores
        self.plain = len(stores) == 1
        #: name → (store, domain)
        self.homes = {name: (store, domain) for store in stores for name, domain in layout[store].items()}
        #: name → type, for the compiler
        self.types: dict[str, ExprType] = {name: expression_type(domain.type) for name, (_, domain) in self.homes.items()}
        self.types.setdefault(STATE_VARIABLE, STRING)

    def home(self, name: str) -> tuple[int, Domain]:
        """Where a variable is kept. Errors: `EvaluationError` when nothing of that name is in scope."""
        try:
            return self.homes[name]
        except KeyError:
            raise EvaluationError(f"there is no variable '{name}' here", variable=name) from None


class Scopes:
    """All stores of a model: number 0 holds the global parameters, then one for each state or action that declares any."""

    __slots__ = ("layout", "model_scope")

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.layout: list[dict[str, Domain]] = [{p.name: Domain(p) for p in parameters}]
        self.model_scope = Scope(self.layout, (0,))

    def inside(self, outer: Scope, parameters: tuple[Parameter, ...]) -> Scope:
        """The scope of an element that declares `parameters` within `outer`."""
        if not parameters:
            return outer
        self.layout.append({p.name: Domain(p) for p in parameters})
        return Scope(self.layout, (*outer.stores, len(self.layout) - 1))

    def overrides(self, named: Mapping[str, Value]) -> dict[tuple[int, str], Scalar]:
        """Values by (store, name): a name means the global parameter, or else every local one of that name.

        Errors: `RequestError` for a name that is not declared or a value that cannot be held.
        """
        found = {}
        for name, value in named.items():
            stores = [0] if name in self.layout[0] else [i for i, store in enumerate(self.layout) if name in store]
            if not stores:
                raise unknown_parameter(name, {name: None for store in self.layout for name in store})
            for store in stores:
                found[store, name] = _accept(self.layout[store][name], value)
        return found


class Values:
    """What every variable holds now. `stores[0]` also holds `state`."""

    __slots__ = ("_decks", "_fixed", "_given", "_layout", "_seen", "stores")

    def __init__(self, scopes: Scopes, fixed: Mapping[tuple[int, str], Scalar]) -> None:
        self._layout = scopes.layout
        self._fixed = fixed
        self._decks: Decks = {}  #: which bins and values have come; over all iterations
        self._given: frozenset[tuple[int, str]] = frozenset()  #: what the next draw of its store leaves alone
        self.stores: list[dict[str, Value]] = []
        self._seen: Mapping[str, Value] | None = None
        self.reset()

    def reset(self) -> None:
        """Every variable at its first value, or at the value the caller fixed."""
        self.stores = [{name: domain.first for name, domain in store.items()} for store in self._layout]
        self.stores[0][STATE_VARIABLE] = ""
        for (store, name), value in self._fixed.items():
            self.stores[store][name] = value
        self._given = frozenset()
        self._seen = None

    def draw(self, store: int, prng: Prng) -> None:
        """New values for the generated variables of one store, except those the caller fixed.

        A value that was given for this draw stays, and one is drawn all the same: what comes after does not depend on it.
        """
        for name, domain in self._layout[store].items():
            if domain.generated and (store, name) not in self._fixed:
                drawn = domain.draw(prng, self._decks, store)
                if (store, name) not in self._given:
                    self.stores[store][name] = drawn
                self._seen = None
        if self._given:
            self._given = frozenset(key for key in self._given if key[0] != store)

    def set(self, store: int, name: str, value: Scalar) -> None:
        """Let a variable hold a value that its domain has converted."""
        self.stores[store][name] = value
        self._seen = None

    def give(self, store: int, name: str, value: Scalar) -> None:
        """As `set`; the next draw of the store leaves it."""
        self.set(store, name, value)
        self._given |= {(store, name)}

    def tell_state(self, name: str) -> None:
        """The walk is now in the state `name`."""
        self.stores[0][STATE_VARIABLE] = name

    def view(self, scope: Scope) -> dict[str, Value]:
        """The values in scope by name, for reading."""
        if scope.plain:
            return self.stores[0]
        merged: dict[str, Value] = {}
        for store in scope.stores:
            merged.update(self.stores[store])
        return merged

    def snapshot(self, scope: Scope) -> Mapping[str, Value]:
        """The values in scope, as they are now and without `state`. Steps between which nothing changed share one."""
        if not scope.plain:
            return {name: value for name, value in self.view(scope).items() if name != STATE_VARIABLE}
        if self._seen is None:
            now = self.stores[0]
            self._seen = {name: value for name, value in now.items() if name != STATE_VARIABLE} if len(now) > 1 else _NOTHING
        return self._seen

    def copy(self) -> "Values":
        """The same values, changed independently from here on."""
        twin = Values.__new__(Values)
        twin._layout, twin._fixed, twin._given, twin._seen = self._layout, self._fixed, self._given, self._seen
        twin._decks = dict(self._decks) if self._decks else {}
        twin.stores = [dict(store) for store in self.stores]
        return twin


def _accept(domain: Domain, value: Value) -> Scalar:
    try:
        return domain.accept(value)
    except EvaluationError as error:
        raise RequestError(error.message, field=f"parameters.{domain.name}") from None
