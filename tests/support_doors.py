"""A real agent process, and a run of the doors example that waits in the middle of a step until it is told to go on."""

import os
import signal
import subprocess
from pathlib import Path

from support_server import MELANZANA, Script, wait_until

DOORS = Path(__file__).parent / "journeys" / "doors"
MODEL = (DOORS / "doors.yaml").read_text("utf-8")
SUITE = str(DOORS / "suite")
#: Figures short enough for a test; the ratios are those of the defaults.
QUICK = ("--heartbeat-seconds", "0.5", "--lease-seconds", "2", "--grace-seconds", "1", "--kill-seconds", "1")


class AgentProcess:
    """One `melanzana agent` with credentials of its own."""

    def __init__(self, script: Script, url: str, folder: Path, name: str) -> None:
        agent = script.call("POST", "/ai/agents", 201, json={"name": name})
        self.agent_id = agent["id"]
        text = script.call("POST", "/ai/agents/generate_secrets", json={"agent_id": agent["id"], "host_url": url})
        self.ini = folder / f"{name}.ini"
        self.ini.write_text(text)
        self.log = (folder / f"{name}.log").open("w")
        self.process = subprocess.Popen(
            [*MELANZANA, "agent", "--ini", str(self.ini)], stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()


def start_waiting(script: Script, agent: AgentProcess, folder: Path, test_case: str = "wait at the door") -> dict[str, object]:
    """A run that performs a step which waits for the file `go`; returns once it waits."""
    model = script.import_model(MODEL)
    started = script.start(
        model_id=model["modeluuid"],
        path=f'directed("{test_case}")',
        parameters={"folder": str(folder)},
        agent={"agent_id": str(agent.agent_id), "is_hosted_agent": False},
        asset={"asset_path": SUITE},
    )
    wait_until(lambda: (folder / "waiting").exists() and (folder / "waiting").read_text(), "the agent to perform the step")
    wait_until(lambda: 'Action "wait" started' in str(script.log(started["run_id"])), "the agent to report that it does")
    return started
