"""What `ci/` hands to CI servers: each template calls the one script, which knows every option of `melanzana ci run`."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from melanzana.cli.ci import app
from support_ci import CI, action_environment, action_script

#: Options that stand in the environment under the name that the command itself reads there.
CREDENTIALS = {"DAI_CLIENT_ID", "DAI_CLIENT_SECRET", "DAI_TOKEN_URL"}
#: What the script itself asks: the two arguments of the command, and what to install.
OF_THE_SCRIPT = {"MELANZANA_CI_SERVER_URL", "MELANZANA_CI_TEST_CONFIG_ID", "MELANZANA_CI_PACKAGE"}


def options() -> set[str]:
    """The environment's names of every option of the command."""
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    flags = [(param.opts[0], param.envvar) for param in command.params if param.opts[0].startswith("--") and param.name != "help"]
    return {str(envvar) if envvar else "MELANZANA_CI_" + flag[2:].replace("-", "_").upper() for flag, envvar in flags}


def run(folder: Path, script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`script` in `folder`, where `melanzana` writes its arguments, one a line."""
    (folder / "bin").mkdir(exist_ok=True)
    stand_in = folder / "bin" / "melanzana"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit "${STAND_IN_CODE:-0}"\n')
    stand_in.chmod(0o755)
    known = {"PATH": f"{folder / 'bin'}{os.pathsep}/usr/bin:/bin", "DAI_CLIENT_SECRET": "not-to-be-seen", **environment}
    return subprocess.run(["bash", "-c", script], cwd=folder, env=known, capture_output=True, text=True, check=False, timeout=60)


def values_of(option: str) -> str:
    return "true" if option in {"MELANZANA_CI_DRY_RUN", "MELANZANA_CI_FAIL_ON_FLAKY"} else f"a value of {option}"


def test_the_script_passes_every_option_on(tmp_path: Path) -> None:
    """Each option of the command has a variable; the values arrive whole, and the secret is not among the arguments."""
    wanted = options() - CREDENTIALS
    environment = {name: values_of(name) for name in wanted} | {
        "MELANZANA_CI_SERVER_URL": "http://s",
        "MELANZANA_CI_TEST_CONFIG_ID": "7",
    }
    done = run(tmp_path, f"sh {CI}/run.sh", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:4] == ["ci", "run", "http://s", "7"]
    flags = {"MELANZANA_CI_" + line[2:].partition("=")[0].replace("-", "_").upper(): line for line in lines[4:]}
    assert set(flags) == wanted
    assert all(line.partition("=")[2] in {"", values_of(name)} for name, line in flags.items())
    assert "not-to-be-seen" not in done.stdout


def test_the_script_reads_lists_by_line_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    """Blanks, quotes and `$` in a value stay; the forms by name are chosen; the command's exit code is the script's."""
    lines = 'user=O\'Neill $HOME\n\ntitle=a "b" *\n'
    environment = {"MELANZANA_CI_SERVER_URL": "http://s", "MELANZANA_CI_PARAM": lines, "MELANZANA_CI_TEST_CONFIG_NAME": "n"}
    done = run(tmp_path, f"sh {CI}/run.sh", **environment, STAND_IN_CODE="4")
    assert done.returncode == 4
    assert done.stdout.splitlines()[-2:] == ["--param=user=O'Neill $HOME", '--param=title=a "b" *']
    for name, word in (("MELANZANA_CI_MODEL_NAME", "modelbased"), ("MELANZANA_CI_SUITE_NAME", "scriptbased")):
        assert run(tmp_path, f"sh {CI}/run.sh", **environment, **{name: "x"}).stdout.splitlines()[2:4] == [word, "http://s"]
    without = run(tmp_path, f"sh {CI}/run.sh")
    assert (without.returncode, "MELANZANA_CI_SERVER_URL" in without.stderr) == (2, True)
    odd = run(tmp_path, f"sh {CI}/run.sh", **environment, MELANZANA_CI_DRY_RUN="yes")
    assert (odd.returncode, "dry-run is true or false" in odd.stderr) == (2, True)


@pytest.mark.slow
def test_the_script_installs_what_is_not_there_and_removes_it(tmp_path: Path) -> None:
    """Without `melanzana` pip puts a wheel into a folder that is gone afterwards; outside a checkout it must be named."""
    wheel = tmp_path / "melanzana-0-py3-none-any.whl"
    about = "melanzana-0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("stand_in.py", "import sys\n\n\ndef main():\n    print(sys.argv[1:])\n")
        file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: melanzana\nVersion: 0\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/entry_points.txt", "[console_scripts]\nmelanzana = stand_in:main\n")
        file.writestr(f"{about}/RECORD", "")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "run.sh").write_text((CI / "run.sh").read_text("utf-8"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    (tmp_path / "tmp").mkdir()
    known = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "TMPDIR": str(tmp_path / "tmp"), "MELANZANA_CI_SERVER_URL": "http://s"}
    line = ["sh", "job/run.sh"]
    bare = subprocess.run(line, cwd=tmp_path, env=known, capture_output=True, text=True, check=False, timeout=60)
    assert (bare.returncode, "set MELANZANA_CI_PACKAGE" in bare.stderr) == (2, True), bare.stderr
    known["MELANZANA_CI_PACKAGE"] = str(wheel)
    done = subprocess.run(line, cwd=tmp_path, env=known, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "['ci', 'run', 'http://s']\n"), done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_action_of_github_has_an_input_for_every_option() -> None:
    """A new option of the command without an input is seen; every input is used, and none is pasted into the script."""
    action = yaml.safe_load((CI / "github" / "action.yml").read_text("utf-8"))
    (step,) = action["runs"]["steps"]
    used = {name: re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value) for name, value in step["env"].items() if name != "PYTHONUTF8"}
    assert set(used) == options() | OF_THE_SCRIPT
    assert [found[1] for found in used.values() if found] == list(action["inputs"])
    assert "inputs." not in step["run"]
    assert [name for name, field in action["inputs"].items() if field["required"]] == ["serverURL", "clientID", "clientSecret"]


def test_the_action_of_github_calls_the_script(tmp_path: Path) -> None:
    """Inputs that are not given leave the command's own defaults in place."""
    inputs = {"serverURL": "http://s", "testConfigID": "7", "clientID": "me", "clientSecret": "hidden", "parameters": "a=1\nb=2"}
    done = run(tmp_path, action_script(), **action_environment(inputs))
    assert done.stdout.splitlines() == ["ci", "run", "http://s", "7", "--param=a=1", "--param=b=2"], done.stderr


def test_the_templates_of_gitlab_jenkins_and_azure_call_the_script(tmp_path: Path) -> None:
    """Their script lines, run as they stand, come to the same call; each publishes the JUnit file that the call writes."""
    (tmp_path / "ci").symlink_to(CI)
    gitlab: dict[str, Any] = yaml.safe_load((CI / "gitlab" / "melanzana.yml").read_text("utf-8"))[".melanzana"]
    asked = {"MELANZANA_CI_SERVER_URL": "http://s", "MELANZANA_CI_TEST_CONFIG_NAME": "nightly"}
    called = run(tmp_path, "\n".join(gitlab["script"]), **gitlab["variables"], **asked).stdout.splitlines()
    assert called == ["ci", "run", "http://s", "--test-config-name=nightly", "--test-result-path=melanzana-results/junit.xml"]
    assert gitlab["artifacts"]["reports"]["junit"] == "$MELANZANA_CI_TEST_RESULT_PATH"

    jenkins = (CI / "jenkins" / "Jenkinsfile").read_text("utf-8")
    assert jenkins.count("{") == jenkins.count("}")
    variables = dict(re.findall(r"^ +(\w+) = '([^']*)'$", jenkins, re.MULTILINE)) | {"MELANZANA_CI_SERVER_URL": "http://s"}
    (line,) = re.findall(r"^ +sh '([^']*)'$", jenkins, re.MULTILINE)
    assert run(tmp_path, line, **variables).stdout.splitlines() == called
    assert f"junit testResults: '{variables['MELANZANA_CI_TEST_RESULT_PATH']}'" in jenkins

    azure = yaml.safe_load((CI / "azure" / "melanzana.yml").read_text("utf-8"))
    given = {field["name"]: field.get("default", "") for field in azure["parameters"]}
    given |= {"serverURL": "http://s", "testConfigName": "nightly"}
    step, publish = azure["steps"]
    environment = {
        name: re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda at: given[at[1]], value) for name, value in step["env"].items()
    }
    assert environment["DAI_CLIENT_SECRET"] == "$(melanzanaClientSecret)"
    assert run(tmp_path, step["bash"], **environment).stdout.splitlines() == called
    assert publish["inputs"]["testResultsFiles"] == "${{ parameters.testResultPath }}"


def test_every_variable_of_the_templates_is_known_to_the_script() -> None:
    """No template sets a variable that nobody reads."""
    known = options() | OF_THE_SCRIPT | {"MELANZANA_CI_SCRIPT"}
    for template in sorted(CI.glob("*/*")):
        found = set(re.findall(r"\b(?:MELANZANA_CI|DAI)_[A-Z_]*[A-Z]\b", template.read_text("utf-8")))
        assert found <= known | CREDENTIALS, (template.name, found - known)
