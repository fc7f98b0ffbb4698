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
