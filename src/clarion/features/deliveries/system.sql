-- name: installation
-- The installation as a whole. Sizes are what the database reserves on disk.
select pg_database_size(current_database()) as database_bytes, current_setting('server_version') as server_version,
       (select held_at from installation) as held_at, (select count(*) from account) as accounts,
       (select count(*) from send where state = 'running') as running_sends,
       (select count(*) from send where state = 'paused') as paused_sends,
       (select until from stat_total_mark) as rolled_until;

-- name: workers
-- Worker processes of the last day, and whether they said lately that they live.
select id, started_at, seen_at, seen_at > now() - interval '15 seconds' as alive
from worker
order by alive desc, started_at, id
limit 200;

-- name: largest
-- Tables with their indexes by size; the partitions of a table together.
select coalesce(parent.relname, t.relname)::text as name, sum(pg_total_relation_size(t.oid))::bigint as bytes
from pg_class t
left join pg_inherits i on i.inhrelid = t.oid
left join pg_class parent on parent.oid = i.inhparent
where t.relkind = 'r' and t.relnamespace = 'public'::regnamespace
group by 1
order by 2 desc, 1
limit :limit;

-- name: blocked
-- Credentials that are paused, guarded, or slowed down, whoever owns them.
select account_id, app_id, provider, label, paused_at, pause_reason, guard_tripped_at, blocked_until, block_reason
from app_credential
where paused_at is not null or guard_tripped_at is not null or blocked_until > now()
order by provider, account_id, app_id
limit :limit;

-- name: providers
-- How many credentials there are of each provider, and how many of them a breaker or a throttle holds up now.
select provider, count(*) as credentials,
       count(*) filter (where blocked_until > now() and block_reason = 'breaker') as broken,
       count(*) filter (where blocked_until > now() and block_reason <> 'breaker') as slowed
from app_credential
group by provider
order by provider;
