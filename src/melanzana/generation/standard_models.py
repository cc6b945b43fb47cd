"""Small models with everything that a generator must mind: guards, bounds, call limits, weights, several targets, Exit, dead ends,
sequent and previous actions, generated values, requirements and test cases. `conformance.py` walks them.
"""

from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model

_TEXTS = (
    """
model: Shop
start: Home
variables:
  basket: {type: integer, initial: 0, range: [0, 2]}
  known: {type: boolean, initial: false}
states:
  Home:
    requirements: [R1]
    actions:
      log in: {when: "!known", set: known = true}
      log out: {when: known, set: known = false}
      look: {to: [Shelf, Basket]}
      never by chance: {to: Basket, weight: 0}
  Shelf:
    actions:
      add: {set: basket = basket + 1}
      on: {to: Basket, weight: 20}
  Basket:
    requirements: [R2]
    actions:
      pay: {to: exit, when: known && basket > 0}
      home: Home
anywhere:
  give up: {to: exit, when: state != "Home", weight: 5}
cleanup: {}
test cases:
  buy: {steps: [log in, look, add, on, pay]}
""",
    """
model: Ring
start: A
states:
  A: {actions: {ab: B, ac: C, open: then, then: {kind: sequent, to: B}}}
  B: {actions: {bc: C, stay: {}}}
  C: {actions: {ca: A}}
""",
    """
model: Traps
start: A
states:
  A: {actions: {in: Hole, once: {to: B, limit: 1}, on: B}}
  B: {actions: {back: {kind: previous}, round: A}}
  Hole: {}
""",
    """
model: Draws
start: A
variables:
  dice: {type: integer, generated: true, range: [1, 6]}
states:
  A: {actions: {low: {to: B, when: dice < 4}, high: {to: C, when: dice > 3}}}
  B: {actions: {out: exit}}
  C: {actions: {off: exit}}
""",
)

#: Read once; each has states and actions by names of its own.
STANDARD_MODELS: tuple[Model, ...] = tuple(read_text(text) for text in _TEXTS)
