"""The action of `ci/github` as a runner of GitHub carries it out: inputs and defaults become the environment of its step."""

import re
from pathlib import Path
from typing import Any

import yaml

CI = Path(__file__).parents[1] / "ci"


def _action() -> dict[str, Any]:
    action: dict[str, Any] = yaml.safe_load((CI / "github" / "action.yml").read_text("utf-8"))
    return action


def action_environment(inputs: dict[str, str]) -> dict[str, str]:
    """What the step of the action sees; an input that is not given and has no default is empty, as GitHub has it."""
    action = _action()
    values = {name: inputs.get(name, field.get("default", "")) for name, field in action["inputs"].items()}
    (step,) = action["runs"]["steps"]
    seen = {name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda at: values[at[1]], text) for name, text in step["env"].items()}
    return {**seen, "GITHUB_ACTION_PATH": str(CI / "github")}


def action_script() -> str:
    (step,) = _action()["runs"]["steps"]
    return str(step["run"])
