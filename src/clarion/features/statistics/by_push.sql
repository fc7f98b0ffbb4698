-- name: by_push
-- What has been counted for sends, by push.
select push_id,
       coalesce(sum(n) filter (where outcome = 'sent'), 0)::bigint as sent,
       coalesce(sum(n) filter (where outcome = 'delivered'), 0)::bigint as delivered,
       coalesce(sum(n) filter (where outcome = 'clicked'), 0)::bigint as clicked,
       coalesce(sum(n) filter (where outcome = 'cancelled'), 0)::bigint as cancelled,
       coalesce(sum(n) filter (where outcome = 'failed:token'), 0)::bigint as failed_token,
       coalesce(sum(n) filter (where outcome = 'failed:message'), 0)::bigint as failed_message,
       coalesce(sum(n) filter (where outcome = 'failed:internal'), 0)::bigint as failed_internal,
       coalesce(sum(n) filter (where outcome = 'failed:expired'), 0)::bigint as failed_expired
from stat_hour
where account_id = :account_id and send_id = any(:send_ids::bigint[])
group by push_id
