-- name: arm
-- A trigger for each scheduler that answers an event and may mean its app. A second event of the same code within a
-- second is a repetition; so is every install that a tracker tells, since the first one is recorded by ourselves.
insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at)
select v.app_id, v.device_id, s.id, v.bit, v.number, s.account_id,
       v.at + (s.timing ->> 'delay_sec')::bigint * interval '1 second'
from unnest(:app_ids::bigint[], :device_ids::bigint[], :bits::smallint[], :numbers::integer[], :moments::timestamptz[])
     as v (app_id, device_id, bit, number, at)
join app a on a.id = v.app_id
join event_definition e on e.account_id = a.account_id and e.bit = v.bit and e.deleted_at is null
join scheduler s on s.account_id = a.account_id and s.type = 'conversion' and s.state in ('active', 'paused')
                and s.filter -> 'event_include' ? e.code
where (coalesce(s.filter ->> 'all_apps', '') = 'true'
       or coalesce(s.filter -> 'app_ids_include', '[]') in ('[]', 'null')
       or coalesce(s.filter -> 'app_groups_include', '[]') not in ('[]', 'null')
       or s.filter -> 'app_ids_include' @> to_jsonb(v.app_id))
  and (v.bit <> :install_bit or v.number = 1)
  and not exists (select from device_event r
                  where r.app_id = v.app_id and r.device_id = v.device_id and r.bit = v.bit and r.number < v.number
                    and r.at > v.at - interval '1 second' and r.at <= v.at)
on conflict do nothing

-- name: arm_installs
-- The same for devices created in this transaction, which have no earlier event.
insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at)
select v.app_id, v.device_id, s.id, e.bit, 1, s.account_id,
       now() + (s.timing ->> 'delay_sec')::bigint * interval '1 second'
from unnest(:app_ids::bigint[], :device_ids::bigint[]) as v (app_id, device_id)
join app a on a.id = v.app_id
join event_definition e on e.account_id = a.account_id and e.bit = :bit and e.deleted_at is null
join scheduler s on s.account_id = a.account_id and s.type = 'conversion' and s.state in ('active', 'paused')
                and s.filter -> 'event_include' ? e.code
where coalesce(s.filter ->> 'all_apps', '') = 'true'
   or coalesce(s.filter -> 'app_ids_include', '[]') in ('[]', 'null')
   or coalesce(s.filter -> 'app_groups_include', '[]') not in ('[]', 'null')
   or s.filter -> 'app_ids_include' @> to_jsonb(v.app_id)
on conflict do nothing

-- name: wake
-- The devices have tokens. What is due is touched too, so that whoever is judging it just now is waited for: it may
-- have seen the device without its token.
update trigger t set awaits_token = false
from unnest(:app_ids::bigint[], :device_ids::bigint[]) as v (app_id, device_id)
where t.app_id = v.app_id and t.device_id = v.device_id and (t.awaits_token or t.due_at <= clock_timestamp())

-- name: due_schedulers
-- Schedulers that have something to fire: one look at the index for each active one (system side).
select s.id
from scheduler s
join account a on a.id = s.account_id and a.suspended_at is null
cross join lateral (
    select t.due_at from trigger t
    where t.scheduler_id = s.id and not t.awaits_token and t.due_at <= :now
    order by t.due_at
    limit 1
) first
where s.type = 'conversion' and s.state = 'active'
  and not exists (select from installation where held_at is not null)
order by first.due_at, s.id
limit :limit

-- name: waiting
-- Triggers of one scheduler, along its index; the caller has checked whose scheduler it is.
select count(*) from trigger where scheduler_id = :scheduler_id and not awaits_token

-- name: claim
-- Due triggers of one scheduler, held by this transaction (system side).
select app_id, device_id, bit, number, due_at
from trigger
where scheduler_id = :scheduler_id and not awaits_token and due_at <= :now
order by due_at
limit :limit
for update skip locked

-- name: remove
-- Triggers that became deliveries, or never will.
delete from trigger t
using unnest(:app_ids::bigint[], :device_ids::bigint[], :scheduler_ids::bigint[], :bits::smallint[],
             :numbers::integer[]) as v (app_id, device_id, scheduler_id, bit, number)
where t.app_id = v.app_id and t.device_id = v.device_id and t.scheduler_id = v.scheduler_id and t.bit = v.bit
  and t.number = v.number

-- name: let_wait
-- Set aside what waits for a token: nobody looks at it until it is woken.
update trigger t set awaits_token = true
from unnest(:app_ids::bigint[], :device_ids::bigint[], :scheduler_ids::bigint[], :bits::smallint[],
            :numbers::integer[]) as v (app_id, device_id, scheduler_id, bit, number)
where t.app_id = v.app_id and t.device_id = v.device_id and t.scheduler_id = v.scheduler_id and t.bit = v.bit
  and t.number = v.number

-- name: sweep_over
-- Triggers of schedulers that were cancelled (system side).
delete from trigger t
using (select w.app_id, w.device_id, w.scheduler_id, w.bit, w.number
       from scheduler s
       cross join lateral (select * from trigger t where t.scheduler_id = s.id and not t.awaits_token limit :limit) w
       where s.type = 'conversion' and s.state in ('cancelled', 'done')
       limit :limit) over
where t.app_id = over.app_id and t.device_id = over.device_id and t.scheduler_id = over.scheduler_id
  and t.bit = over.bit and t.number = over.number

-- name: sweep_tokenless
-- Triggers that waited long enough for a token (system side).
delete from trigger t
using (select app_id, device_id, scheduler_id, bit, number from trigger
       where awaits_token and due_at < :before
       limit :limit) late
where t.app_id = late.app_id and t.device_id = late.device_id and t.scheduler_id = late.scheduler_id
  and t.bit = late.bit and t.number = late.number and t.awaits_token

-- name: skip_due
-- Every trigger whose moment has passed goes (system side, after a restore).
delete from trigger where due_at <= now()
