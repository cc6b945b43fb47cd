"""Tenants: each with its own clients, people, signing keys and issuer."""
