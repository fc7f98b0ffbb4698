-- name: of_sends
-- What has been counted for sends.
select send_id,
       coalesce(sum(n) filter (where outcome = 'sent'), 0)::bigint as sent,
       coalesce(sum(n) filter (where outcome = 'delivered'), 0)::bigint as delivered,
       coalesce(sum(n) filter (where outcome = 'clicked'), 0)::bigint as clicked,
       coalesce(sum(n) filter (where outcome = 'cancelled'), 0)::bigint as cancelled,
       coalesce(sum(n) filter (where outcome = 'failed:token'), 0)::bigint as failed_token,
       coalesce(sum(n) filter (where outcome = 'failed:message'), 0)::bigint as failed_message,
       coalesce(sum(n) filter (where outcome = 'failed:internal'), 0)::bigint as failed_internal,
       coalesce(sum(n) filter (where outcome = 'failed:expired'), 0)::bigint as failed_expired,
       coalesce(sum(n) filter (where outcome = 'skipped:frequency'), 0)::bigint as skipped_frequency,
       coalesce(sum(n) filter (where outcome = 'skipped:gap'), 0)::bigint as skipped_gap,
       coalesce(sum(n) filter (where outcome = 'skipped:too_late'), 0)::bigint as skipped_too_late
from stat_hour
where account_id = :account_id and send_id = any(:send_ids::bigint[])
group by send_id

-- name: read
-- Counts of a period, narrowed by any dimension and grouped by the wanted ones; the others are null. Tests (sends to
-- chosen devices) count where they are asked for by their id only.
select case when 'app' = any(:dimensions::text[]) then app_id end as app_id,
       case when 'push' = any(:dimensions::text[]) then push_id end as push_id,
       case when 'send' = any(:dimensions::text[]) then send_id end as send_id,
       case when 'country' = any(:dimensions::text[]) then country end as country,
       case when 'language' = any(:dimensions::text[]) then lang end as language,
       case when 'platform' = any(:dimensions::text[]) then platform end as platform,
       case when 'day' = any(:dimensions::text[]) then (hour at time zone 'UTC')::date end as day,
       case when 'hour' = any(:dimensions::text[]) then hour end as hour,
       coalesce(sum(n) filter (where outcome = 'sent'), 0)::bigint as sent,
       coalesce(sum(n) filter (where outcome = 'delivered'), 0)::bigint as delivered,
       coalesce(sum(n) filter (where outcome = 'clicked'), 0)::bigint as clicked,
       coalesce(sum(n) filter (where outcome = 'cancelled'), 0)::bigint as cancelled,
       coalesce(sum(n) filter (where outcome = 'failed:token'), 0)::bigint as failed_token,
       coalesce(sum(n) filter (where outcome = 'failed:message'), 0)::bigint as failed_message,
       coalesce(sum(n) filter (where outcome = 'failed:internal'), 0)::bigint as failed_internal,
       coalesce(sum(n) filter (where outcome = 'failed:expired'), 0)::bigint as failed_expired,
       coalesce(sum(n) filter (where outcome = 'skipped:frequency'), 0)::bigint as skipped_frequency,
       coalesce(sum(n) filter (where outcome = 'skipped:gap'), 0)::bigint as skipped_gap,
       coalesce(sum(n) filter (where outcome = 'skipped:too_late'), 0)::bigint as skipped_too_late
from stat_hour
where account_id = :account_id and hour >= :begin and hour < :end
  and (:app_id::bigint is null or app_id = :app_id)
  and (:push_id::bigint is null or push_id = :push_id)
  and (send_id = :send_id or (:send_id::bigint is null and send_id not in
       (select id from send where account_id = :account_id and device_ids is not null)))
  and (:country::text is null or country = :country)
  and (:language::text is null or lang = :language)
  and (:platform::text is null or platform = :platform)
group by 1, 2, 3, 4, 5, 6, 7, 8
order by 7, 8, 1, 2, 3, 4, 5, 6
limit :limit
