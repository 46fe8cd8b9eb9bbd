"""Kafka: publishing acknowledged batches, reading partitions, ensuring topics.

The only package that imports aiokafka. Every await is bounded; what does not answer in time is
an error, and whoever gets it starts over with a new client or ends the process.

records.py     records, batches, errors
access.py      addresses, TLS, user and password
clients.py     starting and stopping a client within a bounded time
publishing.py  an idempotent producer
reading.py     a member of a group, or a reader of partitions
cluster.py     waiting for brokers, ensuring topics
"""

from shared.kafka.access import VARIABLES, Access, Servers, access
from shared.kafka.cluster import TopicReport, ensure_topics, places, wait_for_broker
from shared.kafka.publishing import Publisher, publisher
from shared.kafka.reading import Subscriber, reader, subscriber
from shared.kafka.records import (
    Batch,
    Error,
    Incoming,
    KafkaRefusedError,
    KafkaStuckError,
    KafkaUnavailableError,
    Outgoing,
    Place,
    PublishError,
)

__all__ = [
    "VARIABLES",
    "Access",
    "Batch",
    "Error",
    "Incoming",
    "KafkaRefusedError",
    "KafkaStuckError",
    "KafkaUnavailableError",
    "Outgoing",
    "Place",
    "PublishError",
    "Publisher",
    "Servers",
    "Subscriber",
    "TopicReport",
    "access",
    "ensure_topics",
    "places",
    "publisher",
    "reader",
    "subscriber",
    "wait_for_broker",
]
