"""What was asked and what happened: the lifecycle of an execution, the queue, leases and the event log."""
