-- name: zones_of
-- The distinct zones of each app's reachable devices, by skipping through the index.
select app.id as app_id, z.zone as told, app.default_zone
from app
cross join lateral (
    with recursive found as (
        (select device_zone(d.tz_name, d.tz_sec) as zone from device d
         where d.app_id = app.id and d.active and d.token_state = 1
         order by device_zone(d.tz_name, d.tz_sec) limit 1)
        union all
        select (select device_zone(d.tz_name, d.tz_sec) from device d
                where d.app_id = app.id and d.active and d.token_state = 1
                  and device_zone(d.tz_name, d.tz_sec) > found.zone
                order by device_zone(d.tz_name, d.tz_sec) limit 1)
        from found where found.zone is not null
    )
    select zone from found where zone is not null
) z
where app.account_id = :account_id and app.id = any(:app_ids::bigint[])
order by app.id, z.zone

-- name: apps_with_moved
-- Those of the apps where some device changed its zone since then.
select app.id from app
where app.account_id = :account_id and app.id = any(:app_ids::bigint[])
  and exists (select from device d where d.app_id = app.id and d.zone_at >= :since)
order by app.id

-- name: spread
-- The zones of the first devices of each app in id order: how many were looked at, how many of them match, and where
-- the sample ends.
select d.app_id, device_zone(d.tz_name, d.tz_sec) as told, d.default_zone, count(*) as seen, max(d.id) as last_id,
       count(*) filter (where d.active and d.token_state = 1 and {conditions}) as matching
from app
cross join lateral (
    select device.*, app.default_zone from device
    where device.account_id = :account_id and device.app_id = app.id
    order by device.id
    limit :size
) d
where app.account_id = :account_id and app.id = any(:app_ids::bigint[])
group by 1, 2, 3
order by 1, 2

-- name: parts
-- The sends of a scheduler that are due lately or soon, without tests.
select id, occurrence, zone_bucket, due_at, state, estimate from send
where account_id = :account_id and scheduler_id = :scheduler_id and device_ids is null and due_at > :since
order by due_at, id
limit 500
