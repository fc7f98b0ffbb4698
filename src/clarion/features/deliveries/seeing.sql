-- name: of_send
-- Deliveries of one send after a position, by app and device: each app along the primary key, until there are enough.
select d.app_id, d.device_id, d.send_id, d.push_id, d.provider, d.lang, d.country, d.platform, d.state, d.reason,
       d.code, d.provider_id, d.attempt, d.may_be_sent,
       coalesce(d.parked_at, d.next_attempt_at) as next_attempt_at, d.created_at, d.settled_at, d.delivered_at,
       d.clicked_at
from (select app_id from unnest(:app_ids::bigint[]) as listed (app_id) order by app_id) a
cross join lateral (
    select d.* from delivery d
    where d.day = :day and d.app_id = a.app_id and d.send_id = :send_id and d.account_id = :account_id
      and d.device_id > case when a.app_id = :after_app then :after_device::bigint else 0 end
      and (:state::smallint is null or d.state = :state)
      and (:reason::text is null or d.reason = :reason)
    order by d.device_id
    limit :limit
) d
order by a.app_id, d.device_id
limit :limit

-- name: recent_sends
-- The newest sends of the account since a day.
select id from send where account_id = :account_id and day >= :since order by id desc limit :limit

-- name: of_device
-- The deliveries of one device in the listed sends, newest first: one look-up by primary key for each send.
select d.app_id, d.device_id, d.send_id, d.push_id, d.provider, d.lang, d.country, d.platform, d.state, d.reason,
       d.code, d.provider_id, d.attempt, d.may_be_sent,
       coalesce(d.parked_at, d.next_attempt_at) as next_attempt_at, d.created_at, d.settled_at, d.delivered_at,
       d.clicked_at, d.token_hash
from send s
cross join lateral (
    select * from delivery d
    where d.day = s.day and d.app_id = :app_id and d.send_id = s.id and d.device_id = :device_id
      and d.account_id = :account_id
) d
where s.account_id = :account_id and s.id = any(:send_ids::bigint[])
order by s.id desc
