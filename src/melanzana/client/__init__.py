"""A typed client of the REST API: used by the command line, by agents and by anybody's scripts."""
