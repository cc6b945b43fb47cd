"""Models that would make a careless reader, checker or generator run for ever, fill the memory, or believe what is not so.

Each is made when it is asked for; `POISON` is by name. Texts are the bytes of a file, models are values that no file brought.
"""

import json
import resource
import time
from collections.abc import Callable
from contextlib import suppress

from melanzana.errors import ModelError
from melanzana.graph.formats.reading import read_model
from melanzana.graph.model import Model
from melanzana.graph.validation import validate
from support_walks import EXIT, act, flag, integer, model, place, start

Poison = bytes | Model


def _text(states: str, variables: str = "") -> bytes:
    return f"model: M\nstart: A\n{variables}states:\n{states}".encode()


def _chain(states: int) -> bytes:
    graph = {
        "name": "M",
        "startElementId": "0",
        "vertices": [{"id": str(number), "name": f"s{number}"} for number in range(states)],
        "edges": [],
    }
    return json.dumps({"models": [graph]}).encode()


def _parallel(edges: int) -> Model:
    return model(start(*(act(f"a{number}", "B") for number in range(edges))), place("B", act("back", "Start")))


def _nested(depth: int) -> bytes:
    return b"model: M\nstart: A\nstates: " + b"{a: " * depth + b"{}" + b"}" * depth


def _named(name: str) -> bytes:
    return json.dumps({"model": "M", "start": name, "states": {name: {"actions": {"go": name}}}}).encode()


COUNTER = [integer("n", 0)]
FLAGS = tuple(flag(f"b{number}", initial=False) for number in range(64))
INC = act("inc", sets="n = n + 1")
WIDE_COUNTER = model(
    start(*(act(f"a{number}", when=f"n == {number * 7}", sets="n = n + 1") for number in range(400)), INC),
    parameters=tuple(COUNTER),
)

POISON: dict[str, Callable[[], Poison]] = {
    "no way out": lambda: model(start(act("in", "Trap"), act("end", "Exit")), place("Trap", act("stay")), EXIT),
    "cycle without exit": lambda: model(start(act("a", "B")), place("B", act("b", "C")), place("C", act("c", "B")), EXIT),
    "start unreachable": lambda: _text("  B: {actions: {go: B}}\n"),
    "no start": lambda: model(place("A", act("go"))),
    "start leads nowhere": lambda: model(start(), place("Island", act("swim"))),
    "guard never true": lambda: model(
        start(act("go", "Exit", when="n > 5"), act("stay")), EXIT, parameters=(integer("n", 0, 0, 3),)
    ),
    "guard always true self-loop": lambda: model(start(act("loop", when="1 < 2")), EXIT),
    "parallel edges": lambda: _parallel(50_001),
    "parallel edges within the limit": lambda: _parallel(5_000),
    "a million states": lambda: _chain(100_000),
    "too many bytes": lambda: b"model: M\n#" + b"x" * 2_200_000,
    "deep nesting": lambda: _nested(100_000),
    "brackets": lambda: b"[" * 200_000,
    "JSON brackets": lambda: b'{"a":' + b"[" * 200_000,
    "alias bomb": lambda: b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nmodel: *c\n",
    "its own sub-model": lambda: model(start(act("go", sub_models=("m",)))),
    "counter": lambda: model(start(INC, act("far", "Exit", when="n == 1000000000")), EXIT, parameters=tuple(COUNTER)),
    "counter with call limits": lambda: model(
        start(INC, act("once", call_limit=1), act("far", "Exit", when="n == 1000000000")), EXIT, parameters=tuple(COUNTER)
    ),
    "wide counter": lambda: WIDE_COUNTER,
    "64 booleans": lambda: model(
        start(
            *(act(f"flip{n}", sets=f"b{n} = !b{n}") for n in range(64)),
            act("all", "Exit", when=" && ".join(f"b{n}" for n in range(64))),
        ),
        EXIT,
        parameters=FLAGS,
    ),
    "wide value list": lambda: json.dumps(
        {
            "model": "M",
            "start": "A",
            "variables": {"v": {"type": "set", "values": [str(n) for n in range(260_000)]}},
            "states": {"A": {}},
        }
    ).encode(),
    "empty name": lambda: _named(""),
    "endless name": lambda: _named("x" * 1_000_000),
    "NUL": lambda: _named("a\x00b"),
    "right to left": lambda: _named("a\u202eb"),
    "__proto__": lambda: _named("__proto__"),
    "constructor": lambda: _named("constructor"),
    "path name": lambda: _named("../../etc/passwd"),
    "formula name": lambda: _named("=cmd()"),
    "names that differ by case": lambda: _text("  A: {actions: {go: a}}\n  a: {actions: {go: A}}\n"),
    "names that differ by normal form": lambda: _text(
        "  A: {actions: {go: \u00e9}}\n  \u00e9: {actions: {on: e\u0301}}\n  e\u0301: {actions: {back: A}}\n"
    ),
    "weight NaN": lambda: _text("  A: {actions: {go: {to: A, weight: .nan}}}\n"),
    "weight infinite": lambda: _text("  A: {actions: {go: {to: A, weight: .inf}}}\n"),
    "weight 1e400": lambda: _text("  A: {actions: {go: {to: A, weight: 1e400}}}\n"),
    "weight negative": lambda: _text("  A: {actions: {go: {to: A, weight: -1}}}\n"),
    "weight zero": lambda: _text("  A: {actions: {go: {to: A, weight: 0}}}\n"),
    "JSON NaN": lambda: b'{"model": "M", "start": "A", "states": {"A": {"actions": {"go": {"to": "A", "weight": NaN}}}}}',
    "invalid UTF-8": lambda: b"model: \xff\xfe\xfa\n",
    "byte order mark": lambda: b"\xef\xbb\xbf" + _text("  A: {}\n"),
    "UTF-16": lambda: _text("  A: {}\n").decode().encode("utf-16"),
    "deep guard": lambda: model(start(act("go", when="(" * 5_000 + "true" + ")" * 5_000))),
    "long guard": lambda: model(start(act("go", when=" || ".join(["n > 1"] * 2_000))), parameters=tuple(COUNTER)),
    "empty file": lambda: b"",
}


def _numbered(text: str, count: int) -> bytes:
    return "".join(text.replace("#", str(number)) for number in range(count)).encode()


#: As large as an upload may be, each in another way: the most that one upload can cost.
LARGEST: dict[str, Callable[[], bytes]] = {
    "list": lambda: b"- 1\n" * 249_000,
    "numbers": lambda: b'{"model": "m", "x": [' + b"1," * 249_000 + b"1]}",
    "blanks": lambda: b"model: m\n" + b" " * 2_090_000,
    "one text": lambda: b'model: "' + b"\\u00e9" * 349_000 + b'"',
    "values": lambda: b"model: m\nstart: s\nstates:\n  s:\n    actions:\n" + _numbered("      a#: {to: s, when: n > 1}\n", 45_000),
    "anchors": lambda: b"&a " * 690_000,
    "elements": lambda: b"<graphml>" + b"<a>" * 690_000,
    "edges": lambda: b"digraph m {" + b"a->b;" * 410_000 + b"}",
    "states": lambda: b"model: m\nstart: s0\nstates:\n" + _numbered("  s#: {actions: {a#: s0}}\n", 9_999),
}


def main() -> None:
    """Reads every one of `LARGEST`; says as JSON the processor seconds of each, and the bytes by which this process grew."""
    before, seconds = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, {}
    for name, make in LARGEST.items():
        data, begun = make(), time.process_time()
        assert len(data) <= 2 * 2**20
        with suppress(ModelError):
            validate(read_model(data, "upload").model)
        seconds[name] = time.process_time() - begun
    print(json.dumps({"seconds": seconds, "bytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024}))


if __name__ == "__main__":
    main()
