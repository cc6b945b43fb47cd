"""The composition root: settings become services, services become routes, errors become answers. Nothing imports it but the CLI."""
