"""`rollcall`: for operators, and for trying things out.

Commands talk to running services over HTTP and Kafka; they share contracts and nothing else.
"""
