-- name: claim
-- One process at a time rolls counts up.
select pg_try_advisory_xact_lock(4848126573008);

-- name: mark
-- Up to which hour counts are rolled up.
select until from stat_total_mark;

-- name: over
-- The end of the hours that nobody adds to any more.
select date_trunc('hour', now() - :margin::interval, 'UTC');

-- name: roll
-- Sum up some hours of all accounts by each dimension, without tests, as hours and into their days; returns nothing.
with counted as materialized (
    select h.account_id, d.dimension, h.hour, d.key, h.outcome, sum(h.n)::bigint as n
    from account a
    join stat_hour h on h.account_id = a.id and h.hour >= :begin and h.hour < :end
    cross join lateral (values ('total', ''), ('app', h.app_id::text), ('push', h.push_id::text),
                               ('country', h.country), ('language', h.lang), ('platform', h.platform)
                       ) as d (dimension, key)
    where not exists (select from send s
                      where s.account_id = h.account_id and s.id = h.send_id and s.device_ids is not null)
    group by h.account_id, d.dimension, h.hour, d.key, h.outcome
), hourly as (
    insert into stat_total (account_id, dimension, width, begin, key, outcome, n)
    select account_id, dimension, 'hour', hour, key, outcome, n from counted
)
insert into stat_total as t (account_id, dimension, width, begin, key, outcome, n)
select account_id, dimension, 'day', date_trunc('day', hour, 'UTC'), key, outcome, sum(n)
from counted
group by account_id, dimension, date_trunc('day', hour, 'UTC'), key, outcome
on conflict (account_id, dimension, width, begin, key, outcome) do update set n = t.n + excluded.n;

-- name: advance
-- These hours are rolled up.
update stat_total_mark set until = :end;

-- name: by_key
-- Counts of a period by one dimension: its whole days, the hours at both of its ends, and what is not rolled up yet.
select key, outcome, sum(n)::bigint as n
from (
    select t.key, t.outcome, t.n from stat_total t
    where t.account_id = :account_id and t.dimension = :dimension::text and t.width = 'day'
      and t.begin >= :first_day and t.begin < :last_day
    union all
    select t.key, t.outcome, t.n from stat_total t
    where t.account_id = :account_id and t.dimension = :dimension::text and t.width = 'hour'
      and t.begin >= :begin and t.begin < :first_day
    union all
    select t.key, t.outcome, t.n from stat_total t
    where t.account_id = :account_id and t.dimension = :dimension::text and t.width = 'hour'
      and t.begin >= :last_day and t.begin < :rolled
    union all
    select case :dimension::text when 'app' then h.app_id::text when 'push' then h.push_id::text
                when 'country' then h.country when 'language' then h.lang when 'platform' then h.platform
                else '' end, h.outcome, h.n
    from stat_hour h
    where h.account_id = :account_id and h.hour >= :rolled and h.hour < :end
      and h.send_id not in (select id from send where account_id = :account_id and device_ids is not null)
) counted
group by key, outcome;

-- name: by_time
-- Counts of a period by local day, or by local weekday (1 = Monday) and hour.
select case when :weekly::bool then extract(isodow from local)::text || ' ' || extract(hour from local)::text
            else local::date::text end as key, outcome, sum(n)::bigint as n
from (
    select t.begin at time zone :zone as local, t.outcome, t.n from stat_total t
    where t.account_id = :account_id and t.dimension = 'total' and t.width = 'hour'
      and t.begin >= :begin and t.begin < :rolled
    union all
    select h.hour at time zone :zone, h.outcome, sum(h.n)
    from stat_hour h
    where h.account_id = :account_id and h.hour >= :rolled and h.hour < :end
      and h.send_id not in (select id from send where account_id = :account_id and device_ids is not null)
    group by h.hour, h.outcome
) counted
group by 1, 2;
