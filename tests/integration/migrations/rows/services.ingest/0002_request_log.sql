-- A call that was refused, with all that can be said of one.
insert into requests (directory_id, id, at, method, path, query, status, scim_type, detail,
  duration_ms, provider, user_agent, content_type, key_id, token_last_four, body, body_bytes,
  body_error_at)
values ('0d000000-0000-4000-8000-000000000001', '019501a8-0000-7000-8000-000000000001',
  '2026-03-02T09:05:00Z', 'POST', '/Users', 'attributes=id', 400, 'invalidSyntax', 'not JSON', 1.5,
  'onelogin', 'OneLogin', 'application/scim+json', 'k7Jq', 'fmw', '{', 1, 1);
