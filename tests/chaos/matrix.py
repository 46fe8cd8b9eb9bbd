"""The fault matrix: what goes wrong, what must hold besides the invariants, how it is injected."""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from tests.chaos.faults import abuse, log, network, processes, servers
from tests.chaos.run import Run


@dataclass(frozen=True, slots=True)
class Row:
    """A fault. `differs` says where its injection is not the one of the matrix, and why.

    `spoils`: what comes after it needs a fresh system; `own_servers`: also fresh servers.
    """

    number: int
    fault: str
    where: str
    holds: str
    play: Callable[[Run], Awaitable[None]]
    differs: str = ""
    spoils: bool = False
    own_servers: bool = False
    brokers: int = 1

    @property
    def injection(self) -> str:
        """How it is injected here, in a sentence or two."""
        return inspect.cleandoc(self.play.__doc__ or "").replace("\n", " ")


MATRIX: tuple[Row, ...] = (
    Row(1, "SIGKILL under load", "ingest",
        "what was acknowledged is there; unknown = all or nothing", processes.ingest_is_killed),
    Row(2, "SIGKILL after the ack, before the deletion", "relay",
        "repeats only, dropped by the gate", processes.relay_is_killed_after_the_ack),
    Row(3, "SIGKILL in the middle of sending", "relay", "order kept",
        processes.relay_is_killed_in_the_middle_of_sending),
    Row(4, "SIGKILL before / after the commit", "roles, projector", "batch all or nothing",
        processes.consumers_are_killed_around_a_commit),
    Row(5, "SIGSTOP longer than the lease, then SIGCONT", "relay", "the zombie deletes nothing",
        processes.relay_sleeps_past_its_lease),
    Row(6, "SIGSTOP longer than the session, then SIGCONT", "roles, projector",
        "the zombie's batch is dropped at the offset row; the partition is served in 15 s",
        processes.consumers_sleep_past_their_session),
    Row(7, "backends terminated", "all", "reconnects, no pool wedged, no process ends",
        servers.backends_are_terminated),
    Row(8, "Postgres immediate restart", "all",
        "what was acknowledged survives; served again in 10 s", servers.postgres_crashes),
    Row(9, "Postgres stopped for 60 s", "all", "503 with Retry-After, then drains",
        servers.postgres_is_away),
    Row(10, "Postgres' disk full", "ingest", "503 or 507, nothing partial, heals",
        servers.postgres_disk_is_full, own_servers=True),
    Row(11, "connection slots exhausted", "ingest", "503, no timeouts",
        servers.connections_run_out),
    Row(12, "lock held for 30 s on one directory", "ingest", "others unaffected",
        servers.one_directory_is_locked),
    Row(13, "old snapshot held for 10 min", "relay", "delay bounded",
        servers.an_old_snapshot_is_held),
    Row(14, "deadlock", "ingest, roles", "tried again, no event twice",
        servers.transactions_collide,
        differs="serialization failures cannot come: every transaction is read committed"),
    Row(15, "answer to COMMIT lost", "ingest, roles, projector",
        "unknown is said as such; the gate absorbs", network.commits_lose_their_answer),
    Row(16, "Kafka SIGKILL and restart", "relay, consumers",
        "drained in 30 s, nothing lost, SCIM keeps 2xx", servers.kafka_crashes),
    Row(17, "Kafka down for 5 min", "ingest", "SCIM keeps 2xx, the outbox grows, then drains",
        servers.kafka_is_away),
    Row(18, "leader moves, rolling restart", "relay", "order kept, SCIM keeps 2xx",
        servers.brokers_go_one_by_one, own_servers=True, brokers=3),
    Row(19, "Kafka's disk full", "relay", "SCIM keeps 2xx, a metric tells, heals",
        servers.kafka_disk_is_full, own_servers=True),
    Row(20, "TCP cut, half-open", "all links", "works again in 30 s", network.links_are_cut),
    Row(21, "latency 200 ms, 5 % stalls", "all links", "slower, order kept",
        network.links_are_slow),
    Row(22, "ack lost, request arrived", "relay", "one occurrence or repeats only",
        network.acks_get_lost),
    Row(23, "duplicated delivery, offsets reset", "roles, projector", "no second effect",
        log.records_come_twice),
    Row(24, "gap", "roles, projector", "the directory stalls, others live, a snapshot heals",
        log.records_are_missing),
    Row(25, "topic truncated", "projector",
        "halts loudly; a new read model of what is left is the way back",
        log.the_log_loses_its_beginning, spoils=True),
    Row(26, "rebalance and lease storm", "ingest, roles, projector", "progress every 15 s",
        processes.members_come_and_go),
    Row(27, "partitions added", "relay, consumers", "directories keep their lanes",
        servers.partitions_are_added, spoils=True),
    Row(28, "poison: bad JSON, bad schema, null value", "roles, projector",
        "the directory is parked, others live, healed after it is given up",
        log.poison_is_written),
    Row(29, "poison: a bug in the handler", "roles",
        "the directory is parked, in order after unpark; a mass failure stops the consumer",
        log.a_version_cannot_apply),
    Row(30, "oversized payload", "ingest", "413, or events within bounds; no lane blocked",
        abuse.payloads_are_too_large),
    Row(31, "slowloris, slow body, slow reader", "ingest", "normal clients are served",
        abuse.clients_are_slow),
    Row(32, "filter and JSON bombs", "ingest", "400 or 413 at once", abuse.bombs_are_sent),
    Row(33, "noisy tenant, 20 times its limit", "ingest", "429 only there",
        abuse.one_tenant_is_loud),
    Row(34, "clocks off by 1 h, backwards", "ingest, roles", "leases and order unaffected",
        processes.clocks_are_wrong),
    Row(35, "concurrent edits of one user, one group", "ingest",
        "versions serial, 412 where due", abuse.many_edit_the_same),
    Row(36, "mapping edits in a membership storm", "roles", "assignments = recomputation",
        log.mappings_change_in_a_storm),
    Row(37, "point-in-time restore", "ingest", "a new generation heals consumers",
        log.ingest_goes_back_in_time, spoils=True,
        differs="a cold copy of the database, not a base backup: the way back is the same"),
    Row(38, "old and new version together", "all", "unknown types skipped and counted, none parked",
        processes.two_versions_run_together),
    Row(39, "rebuild while live", "projector", "equal checksums, then shown",
        log.read_models_are_rebuilt),
    Row(40, "memory pressure, processor starved", "all", "no wedge: served and drained after it",
        processes.memory_and_processor_are_short),
)  # fmt: skip


class UnknownFaultError(ValueError):
    """What was asked for is no fault of the matrix."""


def chosen(words: Iterable[str]) -> list[Row]:
    """Return the rows with these numbers, or whose fault or place holds the word; all for none.

    Raises UnknownFaultError.
    """
    wanted = [word.strip().lower() for word in words if word.strip()]
    found: dict[int, Row] = {}
    for word in wanted:
        fits = [row for row in MATRIX if _fits(row, word)]
        if not fits:
            raise UnknownFaultError(word)
        found |= {row.number: row for row in fits}
    return list(found.values()) if wanted else list(MATRIX)


def _fits(row: Row, word: str) -> bool:
    if word.isdigit():
        return row.number == int(word)
    return word in f"{row.fault} {row.where}".lower()
