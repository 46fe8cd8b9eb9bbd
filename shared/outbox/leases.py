"""Leases: which relay publishes which lane, by rows and the database's clock alone.

Live relays share the lanes evenly. An epoch, raised by each claim, proves ownership: whoever
slept past its lease finds another epoch and deletes nothing (invariant I6).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from shared import db
from shared.contracts.topics import LANES

_SEED = "insert into relay_lanes (lane) select generate_series(0, $1 - 1) on conflict do nothing"
_JOIN = """
insert into relay_members (owner, seen_until) values ($1, now() + interval '5 s')
on conflict (owner) do update set seen_until = excluded.seen_until
"""
RENEW = """
update relay_lanes set lease_until = now() + interval '5 s'
where owner = $1 and (lane, epoch) in (select * from unnest($2::smallint[], $3::bigint[]))
returning lane
"""
_SHARE = """
with gone as (delete from relay_members where seen_until < now() - interval '1 min')
select ceil($1::numeric / greatest(count(*), 1))::int from relay_members where seen_until > now()
"""
_RELEASE = """
update relay_lanes set owner = null, lease_until = now()
where owner = $1 and lane = any($2::smallint[])
"""
# A lane that nobody took within 10 s is taken above the share: unserved is worse than uneven.
_CLAIM = """
with free as (
  select lane, lease_until < now() - interval '10 s' as unserved,
         row_number() over (order by lane) <= $2 as within_share
  from relay_lanes where lease_until < now()),
locked as (
  select lane from relay_lanes
  where lane in (select lane from free where unserved or within_share) and lease_until < now()
  for update skip locked)
update relay_lanes set owner = $1, epoch = epoch + 1, lease_until = now() + interval '5 s'
from locked where relay_lanes.lane = locked.lane
returning relay_lanes.lane, relay_lanes.epoch
"""
_LEAVE = """
with member as (delete from relay_members where owner = $1)
update relay_lanes set owner = null, lease_until = now() where owner = $1
"""


@dataclass(slots=True)
class Leases:
    """The lanes that one relay holds, each with the epoch of its claim."""

    owner: str
    lanes: dict[int, int] = field(default_factory=dict)

    async def seed(self, tx: db.Connection) -> None:
        """Make a row for each lane that has none."""
        await tx.execute(_SEED, LANES)

    async def care(self, tx: db.Connection) -> None:
        """Renew what is held, give back what is above the fair share, claim what is free."""
        await tx.execute(_JOIN, self.owner)
        claims = self.claims(self.lanes)
        self.keep(self.lanes, [row["lane"] for row in await tx.fetch(RENEW, *claims)])
        share = await tx.fetchval(_SHARE, LANES)
        surplus = sorted(self.lanes)[share:]
        await tx.execute(_RELEASE, self.owner, surplus)
        kept = {lane: epoch for lane, epoch in self.lanes.items() if lane not in surplus}
        claimed = await tx.fetch(_CLAIM, self.owner, share - len(kept))
        self.lanes = kept | {row["lane"]: row["epoch"] for row in claimed}

    def claims(self, lanes: Iterable[int]) -> tuple[str, list[int], list[int]]:
        """Return the parameters of `RENEW`: owner, lanes of ours, and the epoch of each."""
        claimed = list(lanes)
        return self.owner, claimed, [self.lanes[lane] for lane in claimed]

    def keep(self, claimed: Iterable[int], held: Collection[int]) -> None:
        """Forget those of the claimed lanes that are not held: somebody else has them."""
        lost = set(claimed).difference(held)
        self.lanes = {lane: epoch for lane, epoch in self.lanes.items() if lane not in lost}

    async def leave(self, tx: db.Connection) -> None:
        """Give everything back."""
        self.lanes = {}
        await tx.execute(_LEAVE, self.owner)
