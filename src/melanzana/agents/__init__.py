"""Who can do the work: registration, capabilities, sessions, and the server's side of the agent protocol."""
