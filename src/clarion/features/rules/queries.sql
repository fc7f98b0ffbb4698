-- name: account
select rules from account where id = :account_id

-- name: set_account
update account set rules = :rules where id = :account_id

-- name: app
select rules from app where account_id = :account_id and id = :app_id and deleted_at is null

-- name: set_app
update app set rules = :rules where account_id = :account_id and id = :app_id and deleted_at is null returning id

-- name: of_scheduler
-- The rules of everything that a scheduler may touch; those of apps only where they have any.
select a.rules as account, c.rules as scheduler,
       (select jsonb_object_agg(p.id, p.rules) from app p where p.account_id = c.account_id and p.rules is not null)
           as apps
from scheduler c join account a on a.id = c.account_id
where c.account_id = :account_id and c.id = :scheduler_id

-- name: devices
-- Where devices are and whose they are: the zone on their wall, the default of their app, and their user's subject.
select d.id, device_zone(d.tz_name, d.tz_sec) as zone, p.default_zone,
       case when d.ext_id <> '' then -1 - (hashtextextended(d.ext_id, d.account_id) & 4611686018427387903) end as "user"
from device d join app p on p.id = d.app_id
where d.app_id = :app_id and d.id = any(:device_ids::bigint[])

-- name: lock_contacts
-- One reservation of an account at a time, so that no two see the same state.
select pg_advisory_xact_lock(43, hashint8(:account_id::bigint)) is null

-- name: contacts
-- What subjects got lately.
select subject, at, app_id, scheduler_id, send_id, device_id
from contact
where account_id = :account_id and subject = any(:subjects::bigint[]) and at > :since

-- name: note_contacts
-- Messages that are about to leave; one that was about to leave before counts from now.
insert into contact (send_id, device_id, subject, account_id, app_id, scheduler_id, at)
select :send_id, v.device_id, v.subject, :account_id, :app_id, :scheduler_id, :at
from unnest(:device_ids::bigint[], :subjects::bigint[]) as v (device_id, subject)
on conflict (send_id, device_id, subject) do update set at = excluded.at

-- name: take_back_contacts
-- Messages that were about to leave and never will.
delete from contact c
using unnest(:send_ids::bigint[], :device_ids::bigint[]) as v (send_id, device_id)
where c.send_id = v.send_id and c.device_id = v.device_id

-- name: capped
-- Subjects that have had as many messages as a limit allows.
select count(*)
from (select from contact
      where account_id = :account_id and at > :since and (subject < 0) = :by_user::boolean
        and (:app_id::bigint is null or app_id = :app_id)
        and (:scheduler_id::bigint is null or scheduler_id = :scheduler_id)
      group by subject
      having count(*) >= :max) as at_limit

-- name: forget_contacts
-- What counts in no cap and no gap any more; in portions.
delete from contact
where ctid = any(array(select ctid from contact where at < :before order by at limit 50000))

-- name: begin_courses
-- Courses that do not exist yet begin now.
insert into pace_course (account_id, level, id, pace, began_at, granted)
select :account_id, v.level, v.id, v.pace, clock_timestamp(), 0
from unnest(:levels::text[], :ids::bigint[], :paces::jsonb[]) as v (level, id, pace)
on conflict (account_id, level, id) do nothing

-- name: courses
-- How far courses have come; their rows are held until the end of the transaction.
select level, id, pace, began_at, granted
from pace_course
where account_id = :account_id
  and (level, id) in (select * from unnest(:levels::text[], :ids::bigint[]))
order by level, id
for update

-- name: the_time
select clock_timestamp()

-- name: set_courses
update pace_course c
set pace = v.pace, began_at = v.began_at, granted = v.granted
from unnest(:levels::text[], :ids::bigint[], :paces::jsonb[], :begans::timestamptz[], :granteds::bigint[])
     as v (level, id, pace, began_at, granted)
where c.account_id = :account_id and c.level = v.level and c.id = v.id
