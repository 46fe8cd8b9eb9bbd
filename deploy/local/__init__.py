"""A real Postgres and a real Kafka out of wheels, and the whole of Rollcall on one machine.

`postgres` and `kafka` know one server each, `supervisor` keeps processes alive, `up` wires them.
"""
