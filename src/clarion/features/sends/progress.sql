-- name: get
-- One send.
select id, account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at, estimate,
       pause_reason, created_at, finished_at
from send
where account_id = :account_id and id = :send_id

-- name: list_newest
-- Sends before an id, newest first, of one scheduler and state or of all.
select id, account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at, estimate,
       pause_reason, created_at, finished_at
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
-- How many deliveries of sends wait for another attempt; goes by the index of waiting rows.
select s.id as send_id,
       (select count(*) from delivery d where d.day = s.day and d.send_id = s.id and d.state = 1) as waiting
from send s
where s.account_id = :account_id and s.id = any(:send_ids::bigint[])

-- name: day_and_apps
-- Where the deliveries of a send lie: its day, and the apps that its slices cover.
select s.day,
       array(select distinct l.app_id from slice l where l.send_id = s.id order by l.app_id) as app_ids
from send s
where s.account_id = :account_id and s.id = :send_id
