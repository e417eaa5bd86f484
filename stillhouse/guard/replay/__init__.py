"""Replaying logs: what would have been decided, when, and because of what."""
