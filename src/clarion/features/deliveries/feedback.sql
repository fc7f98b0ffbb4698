-- name: mark_delivered
-- Note the first confirmation of messages of one day; one that was confirmed before is not returned.
update delivery d set delivered_at = now()
from unnest(:app_ids::bigint[], :send_ids::bigint[], :device_ids::bigint[], :account_ids::bigint[])
     as v (app_id, send_id, device_id, account_id)
where d.day = :day and d.app_id = v.app_id and d.send_id = v.send_id and d.device_id = v.device_id
  and d.account_id = v.account_id and d.delivered_at is null
returning d.account_id, d.app_id, d.send_id, d.push_id, d.country, d.lang, d.platform,
          date_trunc('hour', now()) as hour, d.device_id

-- name: mark_clicked
-- Note the first click on messages of one day; one that was clicked before is not returned.
update delivery d set clicked_at = now()
from unnest(:app_ids::bigint[], :send_ids::bigint[], :device_ids::bigint[], :account_ids::bigint[])
     as v (app_id, send_id, device_id, account_id)
where d.day = :day and d.app_id = v.app_id and d.send_id = v.send_id and d.device_id = v.device_id
  and d.account_id = v.account_id and d.clicked_at is null
returning d.account_id, d.app_id, d.send_id, d.push_id, d.country, d.lang, d.platform,
          date_trunc('hour', now()) as hour, d.device_id

-- name: recorded
-- Those messages of one day that have a delivery.
select d.app_id, d.send_id, d.device_id
from unnest(:app_ids::bigint[], :send_ids::bigint[], :device_ids::bigint[], :account_ids::bigint[])
     as v (app_id, send_id, device_id, account_id)
join delivery d on d.day = :day and d.app_id = v.app_id and d.send_id = v.send_id and d.device_id = v.device_id
  and d.account_id = v.account_id
