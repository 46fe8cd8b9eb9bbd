-- An operator who signed in by OpenID Connect.
insert into sessions (digest, organization_id, created_at, seen_at, actor)
values ('\x05', null, now(), now(), 'ada@operators.test');
