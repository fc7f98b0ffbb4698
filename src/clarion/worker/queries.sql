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

-- name: claim_hour
-- Only one process tidies up at a time, and it never waits long for a lock that sending needs.
select set_config('lock_timeout', '3s', true) is not null and pg_try_advisory_xact_lock(42, 1)

-- name: ensure_partitions
select ensure_partitions()

-- name: drop_old_partitions
-- Deliveries are kept for 30 days, device events for 13 months (reliability.md GD-3).
select drop_old_partitions(now() - interval '30 days', now() - interval '13 months')

-- name: forget_bundles
-- Kept bundles of sends that are over.
delete from provider_batch b using send s where s.id = b.send_id and s.state in ('complete', 'cancelled')

-- name: forget_minutes
delete from credential_minute where minute < now() - interval '1 hour'

-- name: forget_jwts
-- Provider tokens of APNs that nobody has renewed: their keys are not used any more.
delete from apns_jwt where issued_at < now() - interval '1 day'

-- name: forget_rotations
-- What devices had of weekly schedulers that are over; in portions.
delete from rotation r
using (select old.app_id, old.scheduler_id, old.device_id
       from scheduler s
       join app a on a.account_id = s.account_id
       cross join lateral (select app_id, scheduler_id, device_id from rotation
                           where app_id = a.id and scheduler_id = s.id limit 50000) old
       where s.type = 'weekly' and s.state in ('cancelled', 'done') and s.updated_at > now() - interval '7 days'
       limit 50000) gone
where r.app_id = gone.app_id and r.scheduler_id = gone.scheduler_id and r.device_id = gone.device_id
