"""Who is calling, and may they: the authorization server, API clients and the permission check."""
