"""What two services need, and no more: contracts, gate, database, Kafka, outbox, process.

Nothing here imports a service. A thing that only one service uses moves into that service.
"""
