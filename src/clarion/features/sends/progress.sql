-- name: get
-- One send.
select id, account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at, estimate,
       pause_reason, created_at, finished_at, zone_bucket, zones, device_ids is not null as test
from send
where account_id = :account_id and id = :send_id

-- name: list_newest
-- Sends before an id, newest first, of one scheduler and state or of all.
select id, account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at, estimate,
       pause_reason, created_at, finished_at, zone_bucket, zones, device_ids is not null as test
from send
where account_id = :account_id and id < :before
  and (:scheduler_id::bigint is null or scheduler_id = :scheduler_id)
  and (:state::text is null or state = :state)
order by id desc
limit :limit

-- name: slices
-- How many slices sends have, and how many of them are behind us.
select send_id, count(*) as total, count(*) filter (where state in ('done', 'cancelled')) as done
from slice
where account_id = :account_id and send_id = any(:send_ids::bigint[])
group by send_id

-- name: waiting
-- How many deliveries of sends wait, and how many of them for what rules tell; goes by the index of waiting rows, which
-- partitions without any may lack: nothing waits in a send that is over for days.
select s.id as send_id, w.waiting, w.quiet_hours, w.frequency, w.gap, w.pacing
from send s
cross join lateral (
    select count(*) as waiting, count(*) filter (where d.reason = 'quiet_hours') as quiet_hours,
           count(*) filter (where d.reason = 'frequency') as frequency, count(*) filter (where d.reason = 'gap') as gap,
           count(*) filter (where d.reason = 'pacing') as pacing
    from delivery d
    where d.day = s.day and d.send_id = s.id and d.state = 1
      and (s.finished_at is null or s.finished_at > now() - interval '2 days')
) w
where s.account_id = :account_id and s.id = any(:send_ids::bigint[])

-- name: day_and_apps
-- Where the deliveries of a send lie: its day, and the apps that its slices cover.
select s.day,
       array(select distinct l.app_id from slice l where l.send_id = s.id order by l.app_id) as app_ids
from send s
where s.account_id = :account_id and s.id = :send_id
