"""What was done to access, by whom and from where: an append-only, hash-chained record."""
