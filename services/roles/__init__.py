"""Directory events in, role assignments out: who holds which role, and why.

Consumes `directory.events.v1`, applies each directory's mapping, publishes through its own outbox.
"""
