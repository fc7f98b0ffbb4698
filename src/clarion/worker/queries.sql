-- name: seen
-- This process lives.
insert into worker (id) values (:id) on conflict (id) do update set seen_at = now()

-- name: gone
delete from worker where id = any(:ids::text[])

-- name: others
-- All processes that said so lately, and those that stopped saying so.
select id, seen_at > now() - interval '15 seconds' as alive from worker

-- name: forget
delete from worker where seen_at < now() - interval '1 day'

-- name: ensure_partitions
select ensure_partitions()

-- name: forget_minutes
delete from credential_minute where minute < now() - interval '1 hour'
