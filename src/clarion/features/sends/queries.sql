-- name: insert_send
-- One send per scheduler, occurrence and zone bucket; nothing is returned when another worker was first.
insert into send (account_id, scheduler_id, occurrence, zone_bucket, day, push_ids, cutoff_at, due_at, expires_at,
                  zones, zone_apps, rotates, device_ids, paced, shares, sample)
values (:account_id, :scheduler_id, :occurrence, :zone_bucket, (:cutoff_at::timestamptz at time zone 'UTC')::date,
        :push_ids, :cutoff_at, :due_at, :expires_at, :zones, :zone_apps, :rotates, :device_ids, :paced,
        :shares, :sample)
on conflict (scheduler_id, occurrence, zone_bucket) do nothing
returning id

-- name: insert_slices
insert into slice (send_id, no, account_id, app_id, provider, id_from, id_to)
select :send_id, no, :account_id, app_id, provider, id_from, id_to
from unnest(:numbers::int[], :app_ids::bigint[], :providers::text[], :froms::bigint[], :tos::bigint[])
     as planned (no, app_id, provider, id_from, id_to)

-- name: set_estimate
update send set estimate = :estimate, expires_at = expires_at + :lasts::interval where id = :send_id

-- name: complete_if_empty
-- A send without any slice is complete at once.
update send set state = 'complete', finished_at = now()
where id = :send_id and not exists (select from slice where send_id = :send_id)
returning id, account_id, scheduler_id, state, device_ids is not null as test

-- name: lease
-- Lease slices: fewest running per account first, then per credential, then sends with least left to do, so that
-- small sendings overtake big ones. Expired leases are taken over; paused credentials only when a probe is due. What is
-- left of an expired send is leased whatever its app's state, to be recorded as expired. Of a paced send one slice of an
-- app and provider is worked on at a time, and none while its pace lets nothing go.
-- In two materialized steps, because planning one join of everything takes twenty times as long as running it.
with open as (
    select account_id, app_id, provider, send_id, count(*) as left_over,
           count(*) filter (where state = 'leased' and lease_until >= now()) as running
    from slice where state in ('ready', 'leased')
    group by account_id, app_id, provider, send_id
), load as materialized (
    select *, sum(running) over (partition by account_id) as account_running,
           sum(running) over (partition by app_id, provider) as credential_running
    from open
), allowed as materialized (
    select l.*
    from load l
    join send on send.id = l.send_id and send.state = 'running'
    join account a on a.id = l.account_id and a.suspended_at is null
    join app on app.id = l.app_id and app.deleted_at is null and (app.archived_at is null or send.expires_at <= now())
    join app_credential c on c.app_id = l.app_id and c.provider = l.provider
    where (c.paused_at is null or c.probe_at <= now() or send.expires_at <= now())
      and not exists (select from installation where held_at is not null)
      and (not send.paced or l.running = 0)
      and (l.app_id, l.provider) not in (select * from unnest(:blocked_apps::bigint[], :blocked_providers::text[]))
), picked as (
    select s.send_id, s.no, s.state = 'leased' as lost
    from allowed l
    join slice s on s.send_id = l.send_id and s.app_id = l.app_id and s.provider = l.provider
    where s.state = 'ready' and (s.not_before is null or s.not_before <= now())
       or s.state = 'leased' and s.lease_until < now()
    order by l.account_running, l.credential_running, l.left_over, s.send_id, s.no
    limit :limit
    for update of s skip locked
)
update slice s
set state = 'leased', owner = :owner, attempt = attempt + 1, lease_until = now() + :seconds * interval '1 second',
    losses = least(losses + picked.lost::int, 1000)
from picked
where s.send_id = picked.send_id and s.no = picked.no
returning s.send_id, s.no, s.account_id, s.app_id, s.provider, s.id_from, s.id_to, s.attempt, s.losses, picked.lost

-- name: extend
-- Keep leases that are still ours; returns those, the others are lost.
update slice s set lease_until = now() + :seconds * interval '1 second'
from unnest(:send_ids::bigint[], :numbers::int[], :attempts::int[]) as held (send_id, no, attempt)
where s.send_id = held.send_id and s.no = held.no and s.attempt = held.attempt and s.state = 'leased'
returning s.send_id, s.no

-- name: strike
-- Note with which device a slice goes on whose lease was lost; returns how often in a row it was the same one.
update slice
set strikes = case when begins_with = :device_id then least(strikes + 1, 1000) else 0 end, begins_with = :device_id
where send_id = :send_id and no = :no and attempt = :attempt and state = 'leased'
returning strikes

-- name: leave
-- Give a slice up in the state it deserves: ready again, done or cancelled. Nothing happens to a lost lease.
update slice
set state = :state, owner = null, lease_until = null,
    not_before = case when :rests::float8 > 0 then now() + :rests * interval '1 second' end
where send_id = :send_id and no = :no and attempt = :attempt and state = 'leased'

-- name: plan
select s.id, s.account_id, s.day, s.push_ids, s.cutoff_at, s.due_at, s.expires_at, scheduler.filter,
       s.scheduler_id, s.occurrence, s.zone_bucket, s.zones, s.zone_apps, s.rotates, s.device_ids,
       s.shares, s.sample
from send s join scheduler on scheduler.id = s.scheduler_id
where s.id = :send_id

-- name: stops
-- Which of the held slices must not go on, and the state they are left in.
select h.send_id, h.no,
       case when s.state = 'cancelled' or app.deleted_at is not null then 'cancelled' else 'ready' end as leave_as
from unnest(:send_ids::bigint[], :numbers::int[], :app_ids::bigint[], :providers::text[])
     as h (send_id, no, app_id, provider)
join send s on s.id = h.send_id
join account a on a.id = s.account_id
join app on app.id = h.app_id
where s.state <> 'running' or a.suspended_at is not null or app.deleted_at is not null
   or app.archived_at is not null and s.expires_at > now()
   or exists (select from installation where held_at is not null)

-- name: release_owners
-- Leases of processes that are known to be dead are free at once.
update slice set lease_until = now() - interval '1 second'
where state = 'leased' and owner = any(:owners::text[])

-- name: finish
-- Complete every running send whose slices are done and whose deliveries are settled; a rolling one after its day.
update send s set state = 'complete', finished_at = now()
where s.state = 'running' and (s.open_until is null or s.open_until <= now())
  and not exists (select from slice where send_id = s.id and state in ('ready', 'leased'))
  and not exists (select from delivery d where d.day = s.day and d.send_id = s.id and d.state = 1)
returning s.id, s.account_id, s.scheduler_id, s.state, s.device_ids is not null as test

-- name: sweep_cancelled
-- Slices that a dead worker left in a cancelled send.
update slice s set state = 'cancelled', owner = null, lease_until = null
from send
where send.id = s.send_id and send.state = 'cancelled' and s.state = 'leased' and s.lease_until < now()

-- name: sweep_undeliverable
-- Slices of apps that were deleted, or whose credential is gone, can never be leased again.
update slice s set state = 'cancelled', owner = null, lease_until = null
where s.state = 'ready' and (
    exists (select from app where app.id = s.app_id and app.deleted_at is not null)
    or not exists (select from app_credential c where c.app_id = s.app_id and c.provider = s.provider))

-- name: cancel_sends
update send set state = 'cancelled', finished_at = now(), pause_reason = null
where account_id = :account_id and scheduler_id = :scheduler_id and state in ('running', 'paused')
returning id, account_id, scheduler_id, state, device_ids is not null as test

-- name: cancel_slices
update slice set state = 'cancelled' where send_id = any(:send_ids::bigint[]) and state = 'ready'

-- name: pause_sends
update send set state = 'paused', pause_reason = null
where account_id = :account_id and scheduler_id = :scheduler_id and state = 'running'

-- name: resume_sends
update send set state = 'running', pause_reason = null
where account_id = :account_id and scheduler_id = :scheduler_id and state = 'paused'

-- name: pause_send
update send set state = 'paused', pause_reason = :reason where id = :send_id and state = 'running'

-- name: reopen
-- Complete sends go on when some of their deliveries wait again.
update send set state = 'running', finished_at = null where id = any(:send_ids::bigint[]) and state = 'complete'

-- name: outlive
-- A send with messages that rules hold back lives for a day after the last of them may go.
update send s set expires_at = v.until + interval '24 hours'
from unnest(:send_ids::bigint[], :untils::timestamptz[]) as v (send_id, until)
where s.id = v.send_id and s.expires_at < v.until + interval '24 hours'

-- name: expire_open
-- What is left of every open send has expired now (system side, after a restore).
update send set expires_at = least(expires_at, now()) where state in ('running', 'paused')

-- name: states_of
-- Every send of a scheduler with its state.
select id, state from send where account_id = :account_id and scheduler_id = :scheduler_id order by id

-- name: open_parts
-- How many sends of an occurrence are not over.
select count(*) from send
where account_id = :account_id and scheduler_id = :scheduler_id and occurrence = :occurrence
  and state in ('running', 'paused')

-- name: left_of
-- Devices that the sends of a scheduler were planned for, and how many of those the open ones have not dealt with.
select coalesce(sum(s.estimate), 0)::bigint as planned,
       coalesce(sum(greatest(s.estimate - (select coalesce(sum(h.n), 0) from stat_hour h
                                           where h.account_id = s.account_id and h.send_id = s.id
                                             and h.outcome not in ('delivered', 'clicked')), 0))
                filter (where s.state in ('running', 'paused')), 0)::bigint as left_over
from send s
where s.account_id = :account_id and s.scheduler_id = :scheduler_id and s.device_ids is null
