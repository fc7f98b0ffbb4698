-- name: find_root_key
-- The root key, wrapped by the master key.
select root_key from installation;

-- name: insert_root_key
-- Keep the root key unless another process was faster.
insert into installation (root_key) values (:root_key) on conflict do nothing;

-- name: find_hold
-- The moment since which nothing may be sent.
select held_at from installation;

-- name: clear_hold
-- Let dispatch go on.
update installation set held_at = null where held_at is not null;

-- name: set_hold
-- Stop dispatch after a restore, before any other session can see the restored rows.
update public.installation set held_at = now();
