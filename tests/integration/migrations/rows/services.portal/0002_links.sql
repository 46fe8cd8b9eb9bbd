-- An invitation that was revoked.
insert into links (digest, kind, organization_id, created_at, expires_at, created_by, revoked_at)
values ('\x03', 'invitation', '0a000000-0000-4000-8000-000000000001', now(),
  now() + interval '7 days', 'operator', now());

insert into sessions (digest, organization_id, created_at, seen_at, link_id)
values ('\x04', '0a000000-0000-4000-8000-000000000001', now(), now(),
  '0b000000-0000-4000-8000-000000000001');
