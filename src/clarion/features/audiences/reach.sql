-- name: claim
-- One process at a time keeps the counts.
select pg_try_advisory_xact_lock(4848126573007);

-- name: note_apps
-- New apps, which are not counted yet.
insert into app_reach (app_id, account_id)
select a.id, a.account_id from app a
where not exists (select from app_reach r where r.app_id = a.id)
on conflict do nothing;

-- name: fold
-- Move some notes of what is counted into the counts; how many.
with taken as (
    delete from reach_change
    where ctid = any(array(
        select c.ctid from reach_change c join app_reach a on a.app_id = c.app_id and c.device_id < a.counted_below
        limit :limit))
    returning *
), reached as (
    insert into device_reach as r (account_id, app_id, country, lang, platform, transport, n)
    select account_id, app_id, country, lang, platform, transport, sum(n)
    from taken
    group by account_id, app_id, country, lang, platform, transport
    having sum(n) <> 0
    order by app_id, country, lang, platform, transport
    on conflict (app_id, country, lang, platform, transport) do update set n = r.n + excluded.n
), reached_events as (
    insert into device_reach_events as r
        (account_id, app_id, country, lang, platform, transport, events, events_high, n)
    select account_id, app_id, country, lang, platform, transport, events, events_high, sum(n)
    from taken
    group by account_id, app_id, country, lang, platform, transport, events, events_high
    having sum(n) <> 0
    order by app_id, country, lang, platform, transport
    on conflict (app_id, country, lang, platform, transport, events, events_high) do update set n = r.n + excluded.n
), sized as (
    insert into audience_size as s (account_id, audience, app_id, n)
    select account_id, audience, app_id, sum(n)
    from taken cross join unnest(audiences) as audience
    group by account_id, audience, app_id
    having sum(n) <> 0
    on conflict (account_id, audience, app_id) do update set n = s.n + excluded.n
)
select count(*) from taken;

-- name: uncounted
-- An app of which a part is not counted.
select app_id, account_id, counted_below from app_reach where counted_below < 9223372036854775807
order by app_id
limit 1;

-- name: range_end
-- The id so many devices further on; null when there are not so many.
select id from device where app_id = :app_id and id >= :begin order by id offset :step limit 1;

-- name: count_range
-- Count the reachable devices of a range of ids, and drop the notes about them. All parts see the same moment: what is
-- noted later is not dropped, and what it is about is not counted.
with void as (
    delete from reach_change where app_id = :app_id and device_id >= :begin and device_id < :end
), present as materialized (
    select country, lang, platform, transport, events, events_high, audiences
    from device
    where account_id = :account_id and app_id = :app_id and id >= :begin and id < :end and active and token_state = 1
), reached as (
    insert into device_reach as r (account_id, app_id, country, lang, platform, transport, n)
    select :account_id, :app_id, country, lang, platform, transport, count(*)
    from present
    group by country, lang, platform, transport
    order by country, lang, platform, transport
    on conflict (app_id, country, lang, platform, transport) do update set n = r.n + excluded.n
), reached_events as (
    insert into device_reach_events as r
        (account_id, app_id, country, lang, platform, transport, events, events_high, n)
    select :account_id, :app_id, country, lang, platform, transport, events, events_high, count(*)
    from present
    group by country, lang, platform, transport, events, events_high
    order by country, lang, platform, transport
    on conflict (app_id, country, lang, platform, transport, events, events_high) do update set n = r.n + excluded.n
), sized as (
    insert into audience_size as s (account_id, audience, app_id, n)
    select :account_id, audience, :app_id, count(*)
    from present cross join unnest(audiences) as audience
    group by audience
    on conflict (account_id, audience, app_id) do update set n = s.n + excluded.n
)
update app_reach set counted_below = :end where account_id = :account_id and app_id = :app_id;

-- name: prune_reach
-- Counts of nobody.
delete from device_reach where n = 0;

-- name: prune_reach_events
-- Counts of nobody.
delete from device_reach_events where n = 0;

-- name: prune_sizes
-- Audiences of nobody.
delete from audience_size where n = 0;

-- name: active_apps
-- Apps whose devices count.
select id from app where account_id = :account_id and archived_at is null and deleted_at is null;

-- name: sizes
-- Audiences in the order of their names, with their devices.
select audience, sum(n)::bigint as devices
from audience_size
where account_id = :account_id and app_id = any(:app_ids::bigint[])
  and audience > :after and audience >= :prefix and audience <= :prefix || chr(1114111)
group by audience
having sum(n) > 0
order by audience
limit :limit;
