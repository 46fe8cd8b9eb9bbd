"""A directory of any size, written straight into the read models: lists are looked at, not events.

Every hundredth user is inactive, every user is in `Everyone` and one of 500 teams; the members of
one small group hold `admin`, those of a team in ten `editor`.
"""

import uuid

from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId

TEAMS = 500
_ID = "md5($1::uuid::text || {0})::uuid"
_DIRECTORY = """
insert into directories (id, organization_id, name, provider, created_at)
values ($1, $2, 'Globex', 'onelogin', now() - interval '30 days')
"""
# Real first names and surnames repeat; a prefix of two letters finds a few per cent.
_USERS = f"""
with people as (
  select n, (array['Ada','Grace','Edsger','Magdalena','Barbara','Alan','Katherine','Donald',
    'Margaret','Linus','Radia','Tim','Frances','Ken','Hedy','Dennis'])[1 + n % 16] as given,
    (array['Kovac','Lindqvist','Okafor','Tanaka','Moreau','Silva','Novak','Haddad','Ivanova',
    'Brandt','Castillo','Dubois','Eriksen','Fontaine','Ghosh','Horvath','Jansen','Keller','Lopez',
    'Mbeki','Nguyen'])[1 + (n / 16) % 21] as family
  from generate_series(1, $2::integer) as n)
insert into users (directory_id, id, user_name, display_name, email, external_id, active, resource,
                   version, created_at, updated_at, generation, sequence)
select $1::uuid, {_ID.format("'u' || n")}, lower(given || '.' || family || n) || '@globex.example',
  given || ' ' || family, lower(given || '.' || family || n) || '@globex.example', n::text,
  n % 100 <> 0,
  jsonb_build_object('userName', lower(given || '.' || family || n) || '@globex.example',
    'name', jsonb_build_object('givenName', given, 'familyName', family),
    'emails', jsonb_build_array(jsonb_build_object('primary', true, 'type', 'work',
      'value', lower(given || '.' || family || n) || '@globex.example')),
    'title', 'Analyst', 'meta', jsonb_build_object('resourceType', 'User')),
  1, now() - interval '20 days', now() - (n % 20000) * interval '1 minute', 1, n
from people
"""
_GROUPS = f"""
insert into groups (directory_id, id, display_name, external_id, resource, version, created_at,
                    updated_at, generation, sequence)
select $1::uuid, {_ID.format("'g' || n")},
  case n when 0 then 'Everyone' when 1 then 'Admins' else 'Team ' || lpad(n::text, 3, '0') end,
  null, '{{}}', 1, now() - interval '20 days', now() - interval '1 day', 1, n
from generate_series(0, {TEAMS}) as n
"""
_MEMBERSHIPS = f"""
insert into memberships (directory_id, group_id, user_id, since, generation, sequence)
select $1::uuid, {_ID.format("'g' || g")}, {_ID.format("'u' || n")},
  now() - interval '19 days', 1, n
from generate_series(1, $2::integer) as n
cross join lateral (
  values (0), (2 + n % {TEAMS - 1}) union all select 1 where n % 2000 = 7) as its (g)
"""
_COUNTS = """
insert into member_counts (directory_id, group_id, members)
select directory_id, group_id, count(*) from memberships where directory_id = $1 group by 1, 2
"""
_ASSIGNMENTS = f"""
insert into assignments (directory_id, user_id, role_key, role_name, reason, cause, valid_from,
                         generation, sequence)
select $1::uuid, {_ID.format("'u' || n")}, role, initcap(role), '{{"kind": "group", "groups": []}}',
  '{{"kind": "mapping", "id": "1"}}', now() - interval '18 days', 1, n * 2 + number
from generate_series(1, $2::integer) as n
cross join lateral (
  select 'admin', 0 where n % 2000 = 7 union all
  select 'editor', 1 where (2 + n % {TEAMS - 1}) % 10 = 0) as its (role, number)
"""
_MAPPINGS = f"""
insert into mappings (directory_id, group_id, role_key, role_name)
values ($1::uuid, {_ID.format("'g1'")}, 'admin', 'Admin')
"""
_EVENTS = f"""
insert into events (directory_id, topic, generation, sequence, id, type, subject, time, stored_at,
                    published_at, user_id, cause, data)
select $1::uuid, 'directory.events.v1', 1, n, $1::uuid::text || ':1:' || n,
  'rollcall.user.created.v1',
  'users/' || {_ID.format("'u' || n")}, now() - n * interval '1 second',
  now() - n * interval '1 second', now() - n * interval '1 second', {_ID.format("'u' || n")},
  '{{"kind": "scim", "id": "1"}}', jsonb_build_object('user', jsonb_build_object('userName', n))
from generate_series(1, $2::integer) as n
"""
_TABLES = ("users", "groups", "memberships", "assignments", "events", "mappings", "member_counts")


async def fill(
    database: db.Database, organization: OrganizationId, users: int, directory: str | None = None
) -> DirectoryId:
    """Write a directory of so many users into a version of the read models; return its id."""
    key = DirectoryId(directory or str(uuid.uuid4()))
    async with database.transaction() as tx:
        await tx.execute("set local statement_timeout = 0")
        await tx.execute(_DIRECTORY, key, organization)
        for statement in (_USERS, _MEMBERSHIPS, _ASSIGNMENTS, _EVENTS):
            await tx.execute(statement, key, users, timeout=600)
        for statement in (_GROUPS, _COUNTS, _MAPPINGS):
            await tx.execute(statement, key, timeout=600)
    async with database.connection() as connection:
        await connection.execute("set statement_timeout = 0")
        for table in _TABLES:
            # As autovacuum does within a minute: statistics, and which pages all may see.
            await connection.execute(f"vacuum analyze {table}", timeout=600)
        await connection.execute("reset statement_timeout")
    return key
