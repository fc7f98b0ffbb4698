-- name: apps
-- The account's apps, archived ones too: all, or those listed.
select id from app
where account_id = :account_id and deleted_at is null
  and (cardinality(:app_ids::bigint[]) = 0 or id = any(:app_ids::bigint[]))
order by id;

-- name: count
-- How many devices match, and how many of them are active.
select count(*) as total, count(*) filter (where d.active) as active
from device d
where d.account_id = :account_id and d.app_id = any(:app_ids::bigint[]) and {conditions};

-- name: devices
-- Matching devices after a position, by app and id. Reads each app along its key and stops when there are enough.
select d.app_id, d.id, d.ext_id, d.ic_token, d.token, d.lang, d.country, d.transport, d.platform, d.platform_name,
       d.tz_sec, d.audiences, d.events, d.events_high, d.active, d.created_at, d.last_seen_at
from (select app_id from unnest(:app_ids::bigint[]) as listed (app_id) order by app_id) a
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
