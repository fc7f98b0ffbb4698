-- name: rounds
-- The rolling sends of a scheduler's day.
select id from send
where account_id = :account_id and scheduler_id = :scheduler_id and occurrence >= :begin and occurrence < :end
  and open_until is not null
order by occurrence

-- name: open_round
-- The send of one round: inserted, or told of the messages that are added to it.
insert into send as s (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at, open_until,
                       estimate)
values (:account_id, :scheduler_id, :occurrence, :day, :push_ids::bigint[], :now, :now, :expires_at, :open_until,
        :messages)
on conflict (scheduler_id, occurrence, zone_bucket) do update
set push_ids = s.push_ids || array(select unnest(excluded.push_ids) except select unnest(s.push_ids)),
    estimate = s.estimate + excluded.estimate
returning s.id, s.xmax = 0 as fresh

-- name: add_places
-- Where the send's deliveries lie: a slice per app and provider with nothing to plan. The caller holds the send's row.
insert into slice (send_id, no, account_id, app_id, provider, id_from, id_to, state)
select :send_id, (select coalesce(max(no) + 1, 0) from slice where send_id = :send_id)
                 + row_number() over (order by v.app_id, v.provider) - 1,
       :account_id, v.app_id, v.provider, 1, (1::bigint << 62) - 1, 'done'
from unnest(:app_ids::bigint[], :providers::text[]) as v (app_id, provider)
where not exists (select from slice s where s.send_id = :send_id and s.app_id = v.app_id and s.provider = v.provider)
