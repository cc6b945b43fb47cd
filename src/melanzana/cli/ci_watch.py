"""Starts the test configuration that `melanzana ci run` was asked for, follows it to its end, and gives the exit code.

On a terminal a bar shows how far it is; elsewhere one line is written whenever a step comes to something. SIGTERM, Ctrl-C and
`--timeout` abort the task, and wait for its end, so that nothing stays at work after a job that was cancelled.
"""

import asyncio
import signal
import ssl
import sys
from collections.abc import Callable
from typing import Any

import typer

from melanzana.cli import ci_summary
from melanzana.cli.ci_wishes import Selection, Wish
from melanzana.client.http import Patience
from melanzana.client.rest import RestClient
from melanzana.client.tokens import ClientCredentials
from melanzana.errors import AuthError, MelanzanaError, NotFoundError, SettingsError, UnavailableError

EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_INFRASTRUCTURE, EXIT_CANCELLED = range(5)
_EXITS = {"Passed": EXIT_PASSED, "Failed": EXIT_FAILED, "Error": EXIT_INFRASTRUCTURE, "Cancelled": EXIT_CANCELLED}
#: How long an aborted task may take to end, in seconds.
ABORT_SECONDS = 60.0
Json = dict[str, Any]


def carry_out(wish: Wish) -> int:
    """The exit code. What the server or the network says goes to stderr."""
    try:
        return asyncio.run(_carried_out(wish))
    except (UnavailableError, AuthError) as error:
        typer.echo(f"melanzana: {wish.chosen.server}: {error.message}", err=True)
        return EXIT_INFRASTRUCTURE
    except MelanzanaError as error:
        typer.echo(f"melanzana: {wish.chosen.server}: {error.message}", err=True)
        return EXIT_USAGE


class _Stop:
    """Hears SIGTERM and Ctrl-C from the first moment on: also before the start was answered, so that nothing stays at work."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.why: str | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.ask, f"{number.name}: aborted")

    def ask(self, why: str) -> None:
        self.why = self.why or why
        self.asked.set()


async def _carried_out(wish: Wish) -> int:
    stop = _Stop()
    credentials = ClientCredentials(wish.token_url, wish.client_id or "", wish.client_secret or "")
    patience = Patience(attempts=wish.request_attempts, first_seconds=wish.backoff_seconds, timeout_seconds=wish.request_seconds)
    async with RestClient(wish.chosen.server, credentials, patience=patience, trust=_trust(wish)) as client:
        task = await client.start_configuration(await _chosen_id(client, wish.chosen), wish.body, wish.key)
        say = _silent if wish.quiet else typer.echo
        say(f"Started        {task['test_config_name']}, task {task['id']}, {task['counts']['total']} steps")
        task = await _followed(client, task, wish, stop, say)
        problems = await ci_summary.problems(client, task, wish.chosen.server)
        if wish.result_path is not None:
            _write(wish, await client.task_junit(task["id"]))
    ci_summary.tell(task, problems, typer.echo)
    ci_summary.tell_github(task, problems)
    if stop.why is not None:
        typer.echo(f"melanzana: {stop.why}", err=True)
        return EXIT_CANCELLED
    return EXIT_FAILED if task["flaky"] and wish.fail_on_flaky and task["status"] == "Passed" else _EXITS[task["status"]]


async def _chosen_id(client: RestClient, chosen: Selection) -> str:
    """Raises NotFoundError when there is none, or it runs something else."""
    if chosen.test_config_id is not None:
        return chosen.test_config_id
    found = await client.test_configurations(chosen.name)
    if not found:
        raise NotFoundError(f"there is no test configuration {chosen.name!r}")
    configuration = found[0]
    if chosen.suite_name is not None and chosen.suite_name not in _suite_names(configuration):
        raise NotFoundError(f"test configuration {chosen.name!r} does not run the suite {chosen.suite_name!r}")
    if chosen.model_name is not None:
        uuids = {step["model_id"] for step in configuration["steps"]}
        names = {model["name"] for model in await client.models() if model["modeluuid"] in uuids}
        if chosen.model_name not in names:
            raise NotFoundError(f"test configuration {chosen.name!r} does not run the model {chosen.model_name!r}")
    return str(configuration["id"])


def _suite_names(configuration: Json) -> set[str]:
    suite = str(configuration["suite"] or "")
    return {suite, suite.rstrip("/").rpartition("/")[2]}


async def _followed(client: RestClient, task: Json, wish: Wish, stop: _Stop, say: Callable[[str], object]) -> Json:
    """The task at its end; it is aborted when somebody asks or its time is over."""
    loop = asyncio.get_running_loop()
    deadline = None if wish.timeout_seconds is None else loop.time() + wish.timeout_seconds
    with ci_summary.showing(task, quiet=wish.quiet, terminal=sys.stdout.isatty(), say=say) as show:
        while task["status"] == "Running" and not stop.asked.is_set():
            left = wish.poll_seconds if deadline is None else min(wish.poll_seconds, deadline - loop.time())
            if left <= 0:
                stop.ask(f"it took longer than {wish.timeout_seconds:g} s: aborted")
                break
            try:
                await asyncio.wait_for(stop.asked.wait(), left)
            except TimeoutError:
                task = await client.task(task["id"])
                show(task)
        if task["status"] == "Running":
            task = await _aborted(client, task, show)
    return task


async def _aborted(client: RestClient, task: Json, show: Callable[[Json], None]) -> Json:
    await client.abort_task(task["id"])
    loop = asyncio.get_running_loop()
    until = loop.time() + ABORT_SECONDS
    while task["status"] == "Running" and loop.time() < until:
        await asyncio.sleep(0.5)
        task = await client.task(task["id"])
        show(task)
    return task


def _trust(wish: Wish) -> ssl.SSLContext | None:
    """Raises SettingsError when the file holds no certificates."""
    if wish.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(wish.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"--ca-cert-path: {wish.ca_file} holds no certificates: {error}") from None


def _write(wish: Wish, junit: bytes) -> None:
    assert wish.result_path is not None
    try:
        wish.result_path.parent.mkdir(parents=True, exist_ok=True)
        wish.result_path.write_bytes(junit)
    except OSError as error:
        raise SettingsError(f"--test-result-path: {wish.result_path} cannot be written: {error.strerror}") from None


def _silent(_line: str) -> None:
    return
