"""Notifications: who is told by webhook or e-mail how a test configuration ended."""
