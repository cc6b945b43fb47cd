"""The figures of the lease protocol: how often, how long, how many, and why.

The server tells agents theirs at registration; nothing in an agent knows one by heart. `docs/explanation/leases.md` adds them up.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseFigures:
    """Durations in seconds. The defaults make a lost agent visible within 31 s: lease + grace + one sweep."""

    heartbeat_seconds: float = 5.0  #: agents report at least this often; four fit into a lease, so three may be lost
    lease_seconds: float = 20.0  #: a lease lives this long after the last report
    kill_seconds: float = 5.0  #: between SIGTERM and SIGKILL of an aborted run: enough for a snippet's teardown
    grace_seconds: float = 10.0  #: after the lease: kill time, drift of two clocks, scheduling
    sweep_seconds: float = 1.0  #: how often lapsed leases are looked for
    poll_seconds: float = 25.0  #: longest held request: below the 30 s after which proxies tend to cut a silent connection
    stall_seconds: float = 5.0  #: two sweeps further apart than this mean that the server itself stood still
    recheck_seconds: float = 5.0  #: a held poll looks at the queue this often even when nobody woke it
    max_attempts: int = 3  #: agents tried for an execution of which no step was performed yet
    queue_bound: int = 10_000  #: queued executions of one realm; more are refused instead of served late
    queue_expiry_seconds: float = 24 * 3600.0  #: an execution that no agent could take for so long ends as an error
    mass_leases: int = 4  #: with fewer live leases than this, losing most of them is no sign of a fault of our own
    mass_ratio: float = 0.5  #: when more than this part of all leases lapses at once, suspect the server and hold the sweep
    hold_seconds: float = 30.0  #: longest hold: one lease and grace more, then what is still silent is released

    @property
    def visible_seconds(self) -> float:
        """From an agent's last report to the moment its loss shows, at most."""
        return self.lease_seconds + self.grace_seconds + self.sweep_seconds
