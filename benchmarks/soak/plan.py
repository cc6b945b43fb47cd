"""What happens when: the phases of the soak, whole (25 minutes) or cut down to some seconds for a test.

A cut keeps every phase and its order; it shortens the lease figures with it, so that lost agents still show within it.
"""

from dataclasses import dataclass

#: Never more than this is asked of a server, whatever happens.
MOST_STARTS, MOST_STEPS = 7_500, 750_000
WHOLE_SECONDS = 1_500.0
#: Steps of one run, and how many of them an agent reports together.
STEPS, TOGETHER = 100, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of time. Figures of faults are seconds between two of them; 0: none."""

    name: str
    share: float  #: of the whole, in minutes of 25
    load: float = 1.0  #: times the steady number of starts
    kill_agents: float = 0.0
    kill_server: float = 0.0
    abort_part: float = 0.0
    twice_part: float = 0.0  #: of reports that are sent again
    bad_network: bool = False
    broken_store: bool = False
    leak_window: bool = False
    drain: bool = False


PHASES = (
    Phase(name="warm up", share=2),
    Phase(name="agents are killed", share=6, kill_agents=10),
    Phase(name="the server is killed", share=4, kill_server=60),
    Phase(name="bad network, aborts", share=3, bad_network=True, abort_part=0.1, twice_part=0.1),
    Phase(name="the store fails", share=2, broken_store=True),
    Phase(name="four times the load", share=1, load=4),
    Phase(name="quiet, for leaks", share=5, leak_window=True),
    Phase(name="drain", share=2, load=0, drain=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One soak. Durations in seconds."""

    seconds: float
    agents: int
    starts_per_second: float
    report_every: float  #: between two reports of a run
    lease: tuple[str, ...]  #: options of the server
    lost_within: float  #: the longest that the loss of an agent may stay unseen
    more: float = 1.0  #: how much more often runs are aborted and reports repeated than the phases say

    @property
    def pace(self) -> float:
        """How much shorter than the whole it is."""
        return self.seconds / WHOLE_SECONDS

    def length(self, phase: Phase) -> float:
        return phase.share * 60 * self.pace

    def every(self, seconds: float) -> float:
        """Between two faults: they come closer together in a cut, and never closer than a process starts."""
        return max(seconds * self.pace, 2.0)


def whole() -> Plan:
    """As written: 200 agents, about 5 starts and 500 steps a second, the default figures of leases."""
    return Plan(seconds=WHOLE_SECONDS, agents=200, starts_per_second=4.75, report_every=4.0, lease=(), lost_within=31.0)


def cut(seconds: float) -> Plan:
    """The same in a few seconds, with leases to match: heartbeat 0.5 s, lease 2 s, grace 1 s."""
    quick = ("--heartbeat-seconds", "0.5", "--lease-seconds", "2", "--grace-seconds", "1", "--kill-seconds", "1")
    return Plan(seconds=seconds, agents=20, starts_per_second=3.0, report_every=0.3, lease=quick, lost_within=4.0, more=3.0)
