-- name: had
-- What devices of an app have had of a scheduler's pushes since their cycle began.
select device_id, had from rotation
where app_id = :app_id and scheduler_id = :scheduler_id and device_id = any(:device_ids::bigint[])

-- name: rotating
-- Those of the sends in which each device gets the next push.
select id, scheduler_id from send where id = any(:send_ids::bigint[]) and rotates

-- name: advance
-- Note what devices have got; a push that one had already begins its next cycle.
insert into rotation (app_id, scheduler_id, device_id, had)
select u.app_id, u.scheduler_id, u.device_id, array[u.push_id]
from unnest(:app_ids::bigint[], :scheduler_ids::bigint[], :device_ids::bigint[], :push_ids::bigint[])
     as u (app_id, scheduler_id, device_id, push_id)
order by 1, 2, 3
on conflict (app_id, scheduler_id, device_id) do update
set had = case when excluded.had[1] = any(rotation.had) then excluded.had else rotation.had || excluded.had end
