"""The only words that agent and server share: events, leases and the peer interface. Pure values and their JSON forms."""
