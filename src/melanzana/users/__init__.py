"""People: accounts, passwords, roles, groups and browser sessions."""
