"""The credentials of programs: API clients and agents, from their making to their end."""
