"""`rollcall`: for operators, and for trying things out.

Commands talk to running services over HTTP and Kafka, and share contracts with them. Only what
must happen while a service is stopped (`migrate`, `after-restore`) calls its use cases.
"""
