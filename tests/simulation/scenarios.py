"""What a simulated stretch of time is like: how many take part, how bad the network is, what goes wrong and how often.

`DENSE` has a fault in every corner, `DAY` is a day and a night with trouble now and then, `STEADY_DAY` a day on which only servers
have trouble, so that no agent may be lost. The others are each aimed at one bug of `planting.py` that `DENSE` meets too rarely.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from melanzana.executions.figures import LeaseFigures

Range = tuple[float, float]
HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Durations in seconds; of a tuple of chances one is drawn for each seed."""

    name: str
    trouble_seconds: float = 300.0
    quiet_seconds: float = 600.0  #: long enough for three attempts to be lost one after another, and for the runs after that
    agents: int = 4
    executions: int = 12
    untaken: int = 0  #: executions besides, which no agent can take
    suts: int = 2
    servers: tuple[int, ...] = (1, 1, 2)
    loss: tuple[float, ...] = (0.0, 0.02, 0.1, 0.3)
    repeats: tuple[float, ...] = (0.0, 0.05, 0.2)
    latency_seconds: tuple[float, ...] = (0.01, 0.2, 2.0)
    store_failures: tuple[float, ...] = (0.0, 0.0, 0.02)
    latest_seconds: float = 90.0  #: as long as a repeated message may be on its way
    between: Range = (5.0, 60.0)  #: from one trouble to the next
    troubles: Mapping[str, float] = field(
        default_factory=lambda: {
            "outage": 3,
            "partition": 2,
            "mute": 1,
            "crash": 3,
            "twin": 1,
            "suspend": 1.5,
            "freeze": 1,
            "clock": 1,
        }
    )  #: by weight
    outage_seconds: Range = (0.5, 60.0)
    partition_seconds: Range = (1.0, 120.0)
    suspend_seconds: Range = (1.0, 90.0)
    freeze_seconds: Range = (1.0, 60.0)
    performs: float = 0.5
    with_sut: float = 0.6  #: of those that perform
    aborts: float = 0.4
    policies: tuple[str | None, ...] = (None, None, "requeue", "error")
    steps: tuple[int, int] = (2, 7)
    step_seconds: Range = (0.1, 12.0)
    drift: float = 0.02
    figures: LeaseFigures = field(default_factory=lambda: LeaseFigures(sweep_seconds=2.0))
    agents_are_well: bool = False  #: nothing happens to agents or the network: none may be lost


DENSE = Scenario(name="dense")
#: Long polls look at the queue when they are woken or asked again, so that an idle hour is cheap to simulate.
_IDLE = LeaseFigures(sweep_seconds=4.5, recheck_seconds=25.0)
DAY = Scenario(
    name="day",
    trouble_seconds=25 * HOUR,
    quiet_seconds=2 * HOUR,
    agents=2,
    executions=60,
    untaken=2,
    suts=0,
    servers=(1,),
    loss=(0.0, 0.02),
    repeats=(0.0, 0.05),
    latency_seconds=(0.01, 0.2),
    store_failures=(0.0, 0.002),
    between=(300.0, 2400.0),
    figures=_IDLE,
)
STEADY_DAY = replace(
    DAY,
    name="steady day",
    loss=(0.0,),
    repeats=(0.0, 0.05),
    latency_seconds=(0.01,),
    store_failures=(0.0,),
    between=(120.0, 1200.0),
    troubles={"outage": 3, "freeze": 2, "clock": 2},
    outage_seconds=(0.5, 120.0),
    freeze_seconds=(0.5, 60.0),
    aborts=0.1,
    agents_are_well=True,
)

_STORM = replace(DENSE, loss=(0.1,), repeats=(0.2,), latency_seconds=(0.2,), store_failures=(0.0,), servers=(1,), aborts=0.0)
#: Lost agents whose reports are still on their way while the next attempt runs.
LATE_REPORTS = replace(
    _STORM,
    name="late reports",
    troubles={"partition": 1},
    partition_seconds=(20.0, 60.0),
    policies=("requeue",),
    with_sut=0.0,
    steps=(10, 16),
    step_seconds=(0.2, 6.0),
    between=(3.0, 10.0),
)
#: Agents cut off in the middle of long runs that others then get.
CUT_OFF = replace(
    _STORM,
    name="cut off",
    loss=(0.0,),
    repeats=(0.0,),
    agents=6,
    executions=8,
    troubles={"mute": 1},
    partition_seconds=(30.0, 180.0),
    policies=("requeue",),
    performs=1.0,
    with_sut=0.3,
    steps=(8, 12),
    step_seconds=(5.0, 15.0),
    between=(5.0, 20.0),
    figures=LeaseFigures(sweep_seconds=0.5),
)
#: Aborts of runs in every moment of theirs.
ABORTS = replace(_STORM, name="aborts", loss=(0.0, 0.1), aborts=1.0, performs=1.0, with_sut=0.3, troubles={"outage": 1})
#: Two processes with the credentials of one agent, again and again.
TWINS = replace(_STORM, name="twins", loss=(0.0,), troubles={"twin": 1}, between=(5.0, 30.0))
#: Agents that die at any moment of runs that begin at once.
CRASHES = replace(
    _STORM, name="crashes", loss=(0.0,), troubles={"crash": 1}, between=(2.0, 8.0), performs=1.0, with_sut=0.0, policies=(None,)
)
#: Stores that fail and agents that go away.
SHAKY_STORE = replace(_STORM, name="shaky store", store_failures=(0.1,), troubles={"outage": 1, "freeze": 1})

SCENARIOS = {one.name: one for one in (DENSE, DAY, STEADY_DAY, LATE_REPORTS, CUT_OFF, ABORTS, TWINS, CRASHES, SHAKY_STORE)}
