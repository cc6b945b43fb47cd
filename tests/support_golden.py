"""Golden paths: files that say which path a model, a plan and answers must give, for as long as Melanzana exists.

Each file in `tests/generation/golden/` holds a model document, a plan, what snippets answer, and the path. The tests check them in
process; run as a program under any interpreter (standard library only) this checks the files named on its command line:

    PYTHONPATH=src python3.13 tests/support_golden.py tests/generation/golden/*.json

With `--write` it writes the path that comes out now into the files: for a new file, or after a decision that changes paths, which
needs an ADR and a line in the changelog.
"""

import json
import sys
from pathlib import Path
from typing import Any

from melanzana.generation.step import OnError, Step, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.formats.document import from_document, logic_hash

MAX_STEPS = 5_000


def replayed(document: dict[str, Any]) -> dict[str, Any]:
    """What comes out now: every step, the outcome, the coverage, and the hash of the model."""
    model, plan = from_document(document["model"]), document["plan"]
    walk = Walk(
        model,
        WalkPlan(
            path=plan["path"],
            seed=plan["seed"],
            on_error=OnError(plan.get("on_error", "clean")),
            parameters=plan.get("parameters", {}),
            dry=plan.get("dry", False),
        ),
    )
    steps = []
    while len(steps) < MAX_STEPS and (step := walk.next_step()) is not None:
        verdict, outputs = _answer(document.get("answers", {}), step)
        steps.append(_shown(step, walk.record(step, verdict, outputs)))
    assert walk.outcome is not None
    report = walk.coverage.report()
    return {
        "hash": logic_hash(model),
        "steps": steps,
        "outcome": [walk.outcome.verdict, walk.outcome.reason],
        "covered": [report.states.covered, report.actions.covered, report.transitions.covered],
    }


def _answer(answers: dict[str, Any], step: Step) -> tuple[Verdict, dict[str, Any]]:
    found = answers.get(step.name, {})
    return Verdict(found.get("verdict", "passed")), found.get("outputs", {})


def _shown(step: Step, verdict: Verdict) -> list[Any]:
    calls = [[call.reference, *call.arguments, dict(call.named_arguments)] for call in step.calls]
    return [step.iteration, step.kind, step.name, step.target_name, dict(step.data), calls, verdict]


def as_json(found: dict[str, Any]) -> dict[str, Any]:
    """The same as it reads back from a file."""
    read: dict[str, Any] = json.loads(json.dumps(found))
    return read


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    differing = 0
    for path in (Path(argument) for argument in arguments if argument != "--write"):
        document = json.loads(path.read_text("utf-8"))
        found = as_json(replayed(document))
        if write:
            path.write_text(_pretty({**document, "expected": found}), "utf-8")
        elif found != document["expected"]:
            differing += 1
            print(f"{path.name}: another path comes out")
    return 1 if differing else 0


def _pretty(document: dict[str, Any]) -> str:
    """JSON with one step a line."""
    steps = document["expected"].pop("steps")
    text = json.dumps({**document, "expected": {**document["expected"], "steps": ["@"]}}, indent=1, ensure_ascii=False)
    lines = ",\n   ".join(json.dumps(step, ensure_ascii=False) for step in steps)
    return text.replace('"@"', lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
