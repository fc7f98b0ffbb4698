-- name: claim
-- One process at a time looks.
select pg_try_advisory_xact_lock(4848126573009);

-- name: forget_today
-- What was noted of today so far.
delete from reach_day where day = (now() at time zone 'UTC')::date;

-- name: note_today
-- Reachable devices of active apps as counted now.
insert into reach_day (account_id, day, app_id, platform, n)
select r.account_id, (now() at time zone 'UTC')::date, r.app_id, r.platform, sum(r.n)
from device_reach r
join app a on a.id = r.app_id and a.archived_at is null and a.deleted_at is null
group by r.account_id, r.app_id, r.platform
having sum(r.n) > 0;

-- name: next_app
-- The app whose cohorts were counted longest ago, if that was before today (UTC).
select r.account_id, r.app_id from app_reach r
join app a on a.id = r.app_id and a.deleted_at is null
where r.cohorts_at is null or r.cohorts_at < date_trunc('day', now(), 'UTC')
order by r.cohorts_at nulls first, r.app_id
limit 1;

-- name: cohorts
-- The first devices of an app in the order of their random ids: by the week in which they came, how many were seen
-- 1, 2, ... weeks after they came, or later.
with looked as materialized (
    select id, created_at, last_seen_at from device
    where account_id = :account_id and app_id = :app_id
    order by id
    limit :size
), whole as (
    select count(*) as n, max(id) as last_id from looked
)
select date_trunc('week', l.created_at, 'UTC')::date as week, count(*) as devices, w.n as looked, w.last_id,
       array[count(*) filter (where l.last_seen_at >= l.created_at + interval '7 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '14 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '21 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '28 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '35 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '42 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '49 days'),
             count(*) filter (where l.last_seen_at >= l.created_at + interval '56 days')] as seen
from looked l cross join whole w
where l.created_at >= date_trunc('week', now(), 'UTC') - interval '9 weeks'
group by 1, w.n, w.last_id;

-- name: forget_cohorts
-- What was counted of an app before.
delete from device_cohort where account_id = :account_id and app_id = :app_id;

-- name: keep_cohort
-- One cohort of an app.
insert into device_cohort (account_id, app_id, week, devices, seen, exact)
values (:account_id, :app_id, :week, :devices, :seen, :exact);

-- name: counted
-- The cohorts of an app are as of now.
update app_reach set cohorts_at = now() where account_id = :account_id and app_id = :app_id;

-- name: retention
-- The cohorts of an account's active apps.
select c.week, c.devices, c.seen, c.exact from device_cohort c
join app a on a.id = c.app_id and a.account_id = c.account_id and a.archived_at is null and a.deleted_at is null
where c.account_id = :account_id and c.week >= (date_trunc('week', now(), 'UTC') - interval '9 weeks')::date;

-- name: by_day
-- Reachable devices at the end of each day of a period, by app or by platform.
select day, case when :by_app::bool then app_id::text else platform end as key, sum(n)::bigint as n
from reach_day
where account_id = :account_id and day >= :begin::date and day < :end::date
group by 1, 2
order by 1, 2;

-- name: reachable
-- Reachable devices of active apps as counted some seconds ago.
select r.app_id, sum(r.n)::bigint as n
from device_reach r
where r.account_id = :account_id
  and r.app_id in (select id from app where account_id = :account_id and archived_at is null and deleted_at is null)
group by r.app_id;
