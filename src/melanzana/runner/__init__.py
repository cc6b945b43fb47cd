"""The agent: it leases work, walks the model, performs the action code in a process of its own, and reports what happened."""
