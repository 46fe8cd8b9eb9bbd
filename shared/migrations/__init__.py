"""Outbox and consumer positions, applied in each service's own schema before its own tables."""
