"""`melanzana ci run`: start a test configuration of a server, wait for its end, and tell a CI job how it went.

It takes every option of the original's runner, and is installed as `eggplant-runner` besides, so that jobs which call that
one go on. `ci_wishes.py` reads the options, `ci_watch.py` follows the task, `ci_summary.py` writes what people and CI servers see.
"""

from pathlib import Path
from typing import Annotated

import typer

from melanzana.cli.ci_wishes import Selection, Wish, read_filters, read_parameters, selection

app = typer.Typer(no_args_is_help=True, help="Run test configurations of a server from a CI job.")


@app.callback()
def group() -> None:
    """Run test configurations of a server from a CI job."""


@app.command("run")
def run(  # noqa: PLR0917 - one parameter a flag
    first: Annotated[
        str, typer.Argument(metavar="SERVER_URL", help="Address of the server, or modelbased or scriptbased before it.")
    ],
    second: Annotated[
        str | None, typer.Argument(metavar="[TEST_CONFIG_ID]", help="Its id; or --test-config-name.", show_default=False)
    ] = None,
    test_config_name: Annotated[str | None, typer.Option(help="Name of the test configuration.", show_default=False)] = None,
    model_name: Annotated[str | None, typer.Option(help="With modelbased: a model that it runs.", show_default=False)] = None,
    suite_name: Annotated[str | None, typer.Option(help="With scriptbased: the suite that it runs.", show_default=False)] = None,
    client_id: Annotated[str | None, typer.Option(envvar="DAI_CLIENT_ID", help="Id of the API client.", show_default=False)] = None,
    client_secret: Annotated[
        str | None,
        typer.Option(envvar="DAI_CLIENT_SECRET", help="Its secret; better in the environment.", show_default=False),
    ] = None,
    token_url: Annotated[
        str | None, typer.Option(envvar="DAI_TOKEN_URL", help="[default: that of --realm]", show_default=False)
    ] = None,
    realm: Annotated[str, typer.Option(help="Realm of the client.")] = "eggplant",
    param: Annotated[list[str] | None, typer.Option(help="name=value for a variable.", show_default=False)] = None,
    param_file: Annotated[Path | None, typer.Option(help="JSON object of values.", show_default=False)] = None,
    filter_by: Annotated[
        list[str] | None, typer.Option(help="name=value, e.g. step_status_include=Failed.", show_default=False)
    ] = None,
    filter_by_json: Annotated[Path | None, typer.Option(help="JSON object of filters.", show_default=False)] = None,
    previous_task_instance_id: Annotated[
        str | None, typer.Option(help="Whose statuses filters ask. [default: the newest]", show_default=False)
    ] = None,
    retries: Annotated[int | None, typer.Option(min=0, max=10, help="Over the configuration's.", show_default=False)] = None,
    test_result_path: Annotated[
        Path | None, typer.Option("--test-result-path", "--result-path", help="JUnit XML to write.", show_default=False)
    ] = None,
    fail_on_flaky: Annotated[
        bool, typer.Option("--fail-on-flaky", help="Exit 1, too, when a step passed only on a retry.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Seconds; then it is aborted. [default: none]", show_default=False)
    ] = None,
    poll_interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0,
    request_timeout: Annotated[float, typer.Option(min=1, help="Seconds for one answer.")] = 30.0,
    request_retries: Annotated[int, typer.Option(min=0, help="How often a request is tried again.")] = 5,
    backoff_factor: Annotated[float, typer.Option(min=0, help="First pause in seconds; doubles.")] = 0.5,
    ca_cert_path: Annotated[Path | None, typer.Option(help="Certificates to believe (PEM).", show_default=False)] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="One start a key, e.g. your build number.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the arguments and connect to nothing.")] = False,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
    test_environment_timeout: Annotated[int, typer.Option(help="Accepted: a busy environment is waited for.")] = 15,
    space_name: Annotated[str, typer.Option(help="Accepted: a realm is one space.")] = "Shared space",
) -> None:
    """Start a test configuration and wait for its end.

    Exit code 0: passed; 1: failed; 2: used wrongly; 3: it could not be carried out; 4: cancelled or timed out.
    """
    from melanzana.cli.ci_watch import carry_out

    chosen: Selection = selection(first, second, test_config_name, model_name=model_name, suite_name=suite_name)
    wish = Wish(
        chosen=chosen,
        client_id=client_id,
        client_secret=client_secret,
        token_url=token_url or f"{chosen.server}/auth/realms/{realm}/protocol/openid-connect/token",
        body={
            "parameters": read_parameters(param or [], param_file),
            "filter_by": read_filters(filter_by or [], filter_by_json),
            **({} if previous_task_instance_id is None else {"previous_task_instance_id": previous_task_instance_id}),
            **({} if retries is None else {"retries": retries}),
        },
        result_path=test_result_path,
        fail_on_flaky=fail_on_flaky,
        timeout_seconds=timeout,
        poll_seconds=poll_interval,
        request_seconds=request_timeout,
        request_attempts=request_retries + 1,
        backoff_seconds=backoff_factor,
        ca_file=ca_cert_path,
        key=idempotency_key,
        quiet=_is_quiet(log_level),
    )
    _ = (test_environment_timeout, space_name)
    if dry_run:
        typer.echo(f"The arguments are good: {chosen.words()} on {chosen.server}. Nothing was started.")
        return
    raise typer.Exit(carry_out(wish.checked()))


def _is_quiet(log_level: str) -> bool:
    level = log_level.upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise typer.BadParameter(f"{log_level!r} is none of DEBUG, INFO, WARNING, ERROR", param_hint="--log-level")
    return level in {"WARNING", "ERROR"}


def eggplant_runner() -> None:
    """The entry point `eggplant-runner`: the same command under the name of the original's."""
    from melanzana.cli.main import main_of

    runner = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
    )
    runner.command("eggplant-runner")(run)
    main_of(runner)
