-- name: enqueue
-- One message for each fact and each active webhook of its account that listens for the type.
insert into webhook_message (webhook_id, account_id, event_id, type, object, body)
select w.id, w.account_id, f.event_id, :type, f.object, f.body
from (select gen_random_uuid() as event_id, u.*
      from unnest(:accounts::bigint[], :objects::text[], :bodies::jsonb[])
           with ordinality as u (account_id, object, body, place)) as f
join webhook w on w.account_id = f.account_id and w.active and :type = any(w.events)
order by f.place, w.id;

-- name: listeners
-- The accounts with an active webhook for a type (system side).
select distinct account_id from webhook where active and :type = any(events);
