-- name: apps
-- The account's apps, archived ones too: all, or those listed.
select id from app
where account_id = :account_id and deleted_at is null
  and (cardinality(:app_ids::bigint[]) = 0 or id = any(:app_ids::bigint[]))
order by id;

-- name: count
-- How many devices match, and how many of them a push could reach now.
select count(*) as total, count(*) filter (where d.active and d.token_state = 1 and a.archived_at is null) as active
from device d
join app a on a.id = d.app_id
where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions};

-- name: devices
-- Matching devices after a position, by app and id. Reads each app along its key and stops when there are enough.
select d.app_id, d.id, d.ext_id, d.ic_token, d.token, d.lang, d.country, d.transport, d.platform, d.platform_name,
       d.tz_sec, d.audiences, d.events, d.events_high, d.active and d.token_state = 1 and a.archived_at is null as active, d.created_at,
       d.last_seen_at
from (
    select id as app_id, archived_at from app
    where account_id = :account_id and id = any(:app_ids::bigint[])
    order by id
) a
cross join lateral (
    select d.* from device d
    where d.account_id = :account_id and d.app_id = a.app_id
      and d.id > case when a.app_id = :after_app then :after_id::bigint else 0 end
      and {conditions}
    order by d.id
    limit :limit::bigint + :offset::bigint
) d
order by a.app_id, d.id
offset :offset
limit :limit;
