-- name: by_id
-- The devices of an id on the wire, wherever they are registered.
select d.app_id, d.id from app a
join device d on d.app_id = a.id and d.id = :device_id and d.account_id = :account_id
where a.account_id = :account_id
order by d.app_id

-- name: by_ext_id
-- Some devices of an external id, active or not.
select app_id, id from device
where account_id = :account_id and ext_id = :ext_id and ext_id <> ''
order by app_id, id
limit :limit

-- name: lock
-- A device that is about to go, with its user's subject in the history of contacts.
select -1 - (hashtextextended(d.ext_id, d.account_id) & 4611686018427387903) as "user"
from device d
where d.account_id = :account_id and d.app_id = :app_id and d.id = :device_id
for update

-- name: delete
-- The device itself.
delete from device where account_id = :account_id and app_id = :app_id and id = :device_id

-- name: delete_events
-- Its history.
delete from device_event e
using app a
where a.account_id = :account_id and a.id = :app_id and e.app_id = a.id and e.device_id = :device_id

-- name: delete_triggers
-- Auto-push messages that wait for it.
delete from trigger where account_id = :account_id and app_id = :app_id and device_id = :device_id

-- name: delete_rotations
-- What it had of weekly schedulers.
delete from rotation r
using scheduler s
where s.account_id = :account_id and s.type = 'weekly'
  and r.app_id = :app_id and r.scheduler_id = s.id and r.device_id = :device_id

-- name: delete_contacts
-- What caps and gaps remember of it, and of its user by it.
delete from contact
where account_id = :account_id and device_id = :device_id and subject = any(:subjects::bigint[])

-- name: delete_messages
-- What webhooks are or were told of it alone.
delete from webhook_message where account_id = :account_id and object = :object and object like 'device:%'

-- name: leave_messages
-- Take it out of what webhooks are or were told of many devices.
update webhook_message m
set body = m.body || (
    select jsonb_object_agg(part, (
        select coalesce(jsonb_agg(e), '[]') from jsonb_array_elements(m.body -> part) as e
        where e ->> 'device_id' <> :id))
    from unnest(array['tokens', 'deliveries']) as part where m.body ? part)
from webhook w
where w.account_id = :account_id and m.webhook_id = w.id and m.account_id = w.account_id
  and (m.body @> jsonb_build_object('tokens', jsonb_build_array(jsonb_build_object('device_id', :id::text)))
       or m.body @> jsonb_build_object('deliveries', jsonb_build_array(jsonb_build_object('device_id', :id::text))))

-- name: leave_tests
-- Let test sends name its pseudonym.
update send set device_ids = array_replace(device_ids, :device_id::bigint, :pseudonym::bigint)
where account_id = :account_id and device_ids @> array[:device_id::bigint]

-- name: messages
-- By day, the sends that it has a message of: one look-up by primary key for each send.
select x.day, array_agg(x.send_id) as send_ids
from send s
cross join lateral (
    select d.day, d.send_id from delivery d
    where d.day = s.day and d.app_id = :app_id and d.send_id = s.id and d.device_id = :device_id
      and d.account_id = :account_id
    limit 1
) x
where s.account_id = :account_id and s.day >= (now() at time zone 'UTC')::date - 32
group by x.day

-- name: drop_replays
-- Messages of a day that were written down again after they had got their pseudonym.
delete from delivery d
where d.account_id = :account_id and d.day = :day and d.app_id = :app_id and d.send_id = any(:send_ids::bigint[])
  and d.device_id = :device_id
  and exists (select from delivery x where x.day = :day and x.app_id = :app_id and x.send_id = d.send_id
                                      and x.device_id = :pseudonym)

-- name: pseudonymise
-- Its messages of a day stay, for the counts, and lead to nobody; waiting ones find no token.
update delivery d
set device_id = :pseudonym, token_hash = '', provider_id = null
where d.account_id = :account_id and d.day = :day and d.app_id = :app_id and d.send_id = any(:send_ids::bigint[])
  and d.device_id = :device_id

-- name: bury
-- The tombstone of a device or of an external id.
insert into erasure (account_id, subject_hash, app_id, device_id, pseudonym)
values (:account_id, :hash, :app_id, :device_id, :pseudonym)
on conflict (account_id, subject_hash) do update
set erased_at = now(), app_id = excluded.app_id, device_id = excluded.device_id, pseudonym = excluded.pseudonym

-- name: buried
-- Whether there is a tombstone.
select exists (select from erasure where account_id = :account_id and subject_hash = :hash)

-- name: open_erasures
-- Erased devices of which nothing can be on its way any more.
select account_id, subject_hash, app_id, device_id, pseudonym
from erasure
where device_id is not null and erased_at < now() - :hours * interval '1 hour'
order by erased_at
limit :limit
for update skip locked

-- name: close
-- Forget which device it was.
update erasure set app_id = null, device_id = null, pseudonym = null
where account_id = :account_id and subject_hash = :hash

-- name: device
-- All that is kept in the row of a device.
select to_jsonb(d) as row, d.ic_token,
       -1 - (hashtextextended(d.ext_id, d.account_id) & 4611686018427387903) as "user"
from device d
where d.account_id = :account_id and d.app_id = :app_id and d.id = :device_id

-- name: events
-- Its history with codes, the oldest first.
select to_jsonb(e) || jsonb_build_object('code', coalesce(v.code, '')) as row
from app a
join device_event e on e.app_id = a.id and e.device_id = :device_id
left join event_definition v on v.account_id = a.account_id and v.bit = e.bit
where a.account_id = :account_id and a.id = :app_id
order by e.at, e.bit

-- name: deliveries
-- Its messages, the oldest first: one look-up by primary key for each send.
select to_jsonb(d) as row
from send s
cross join lateral (
    select * from delivery x
    where x.day = s.day and x.app_id = :app_id and x.send_id = s.id and x.device_id = :device_id
      and x.account_id = :account_id
    limit 1
) d
where s.account_id = :account_id and s.day >= (now() at time zone 'UTC')::date - 32
order by s.id

-- name: triggers
-- Auto-push messages that wait for it, with the codes of their events.
select to_jsonb(t) || jsonb_build_object('code', coalesce(v.code, '')) as row
from trigger t
left join event_definition v on v.account_id = t.account_id and v.bit = t.bit
where t.account_id = :account_id and t.app_id = :app_id and t.device_id = :device_id
order by t.due_at, t.scheduler_id

-- name: rotations
-- What it had of weekly schedulers.
select to_jsonb(r) as row
from scheduler s
join rotation r on r.app_id = :app_id and r.scheduler_id = s.id and r.device_id = :device_id
where s.account_id = :account_id and s.type = 'weekly'
order by s.id

-- name: contacts
-- What caps and gaps remember of it.
select to_jsonb(c) as row
from contact c
where c.account_id = :account_id and c.device_id = :device_id and c.subject = any(:subjects::bigint[])
order by c.at, c.subject
