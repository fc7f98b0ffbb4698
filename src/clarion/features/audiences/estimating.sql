-- name: counted_apps
-- How many of the apps are counted completely.
select count(*) from app_reach
where account_id = :account_id and app_id = any(:app_ids::bigint[]) and counted_below = 9223372036854775807;

-- name: reach
-- Reachable devices by app, by platform, by country and by language, from the counts and what changed since.
select app_id, platform, country, lang, sum(n) as n
from (
    select d.app_id, d.platform, d.country, d.lang, d.n from device_reach d
    where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions}
    union all
    select d.app_id, d.platform, d.country, d.lang, d.n from reach_change d
    where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions}
) counted
group by grouping sets ((app_id), (platform), (country), (lang))
having sum(n) <> 0;

-- name: reach_events
-- The same where the conditions ask about events.
select app_id, platform, country, lang, sum(n) as n
from (
    select d.app_id, d.platform, d.country, d.lang, d.n from device_reach_events d
    where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions}
    union all
    select d.app_id, d.platform, d.country, d.lang, d.n from reach_change d
    where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions}
) counted
group by grouping sets ((app_id), (platform), (country), (lang))
having sum(n) <> 0;

-- name: base
-- Reachable devices by app alone, when they were counted last.
select d.app_id, sum(d.n) as n
from device_reach d
where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions}
group by d.app_id
having sum(d.n) > 0;

-- name: audience_members
-- Reachable devices in the audiences when they were counted last; one in two of them counts twice.
select coalesce(sum(n), 0)::bigint from audience_size
where account_id = :account_id and audience = any(:audiences::text[]);

-- name: tally
-- Matching devices by app, by platform, by country and by language, read through an index of the conditions. The
-- additions of 0 keep the planner from other indexes, which it misjudges without fresh statistics.
with found as materialized (
    select d.app_id, d.platform, d.country, d.lang from device d
    where d.account_id + 0 = :account_id and d.app_id + 0 = any(:app_ids::bigint[]) and {conditions}
)
select app_id, platform, country, lang, count(*) as n
from found
group by grouping sets ((app_id), (platform), (country), (lang));

-- name: bound
-- How long a statement may take, and which ways the planner may go, until the end of the transaction. Never in parallel:
-- waiting for other processes would outlast the time.
select set_config('statement_timeout', :time, true), set_config('max_parallel_workers_per_gather', '0', true),
       set_config('enable_seqscan', :scans, true), set_config('enable_sort', :detours, true),
       set_config('enable_bitmapscan', :detours, true);

-- name: sample
-- The next devices of each app in id order by what they share: how many were looked at, where they end, how many meet
-- the base, and how many match.
with looked as materialized (
    select d.app_id, d.id, d.platform, d.country, d.lang, {base} as base, {conditions} as matching
    from unnest(:app_ids::bigint[], :sizes::bigint[], :after::bigint[]) as a (app_id, size, after)
    cross join lateral (
        select * from device
        where account_id = :account_id and app_id = a.app_id and id > a.after
        order by id
        limit a.size
    ) d
)
select app_id, platform, country, lang, count(*) as seen, max(id) as last_id, count(*) filter (where base) as base,
       count(*) filter (where matching) as matching
from looked
group by app_id, platform, country, lang;

-- name: examples
-- Some matching devices among the first of each app in id order.
select d.app_id, d.id, d.ext_id, d.transport, d.token, d.platform, d.country, d.lang, d.last_seen_at
from unnest(:app_ids::bigint[]) as a (app_id)
cross join lateral (
    select * from device
    where account_id = :account_id and app_id = a.app_id
    order by id
    limit :size
) d
where {conditions}
limit :limit;

-- name: examples_among_few
-- Some matching devices, read through an index of the conditions.
select d.app_id, d.id, d.ext_id, d.transport, d.token, d.platform, d.country, d.lang, d.last_seen_at
from device d
where d.account_id + 0 = :account_id and d.app_id + 0 = any(:app_ids::bigint[]) and {conditions}
limit :limit;
