-- name: by_push
-- What has been counted for sends, by push and outcome.
select push_id, outcome, sum(n)::bigint as n
from stat_hour
where account_id = :account_id and send_id = any(:send_ids::bigint[])
group by push_id, outcome
