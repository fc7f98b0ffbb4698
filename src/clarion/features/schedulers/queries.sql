-- name: insert_scheduler
-- A new scheduler.
insert into scheduler (account_id, type, name, source, timing, local_time, filter, state, late, armed_at,
                       planned_until, next_due_at, rules)
values (:account_id, :type, :name, :source, :timing, :local_time, :filter, :state, :late, :armed_at,
        :planned_until, :next_due_at, :rules)
returning id;

-- name: get
-- One scheduler.
select id, account_id, type, name, source, timing, local_time, filter, state, next_due_at, created_at, updated_at,
       late, armed_at, planned_until, unswept, version, rules
from scheduler
where account_id = :account_id and id = :scheduler_id;

-- name: list_newest
-- Schedulers before an id, newest first, of one state and type or of all, with these words in their names.
select id, account_id, type, name, source, timing, local_time, filter, state, next_due_at, created_at, updated_at,
       late, armed_at, planned_until, unswept, version, rules
from scheduler
where account_id = :account_id and id < :before and (:state::text is null or state = :state)
  and (:type::text is null or type = :type)
  and (:words::text is null or position(lower(:words) in lower(name)) > 0)
order by id desc
limit :limit;

-- name: upcoming
-- Active schedulers by their next moment.
select id, account_id, type, name, source, timing, local_time, filter, state, next_due_at, created_at, updated_at,
       late, armed_at, planned_until, unswept, version, rules
from scheduler
where account_id = :account_id and state = 'active' and next_due_at is not null and type <> 'conversion'
order by next_due_at, id
limit :limit;

-- name: lock
-- State of one scheduler, locked until the end of the transaction.
select id, type, state, next_due_at from scheduler
where account_id = :account_id and id = :scheduler_id
for update;

-- name: set_state
-- Move a scheduler to another state; a cancelled or done one is never due again.
update scheduler
set state = :state,
    next_due_at = case when :state in ('cancelled', 'done') then null else next_due_at end,
    updated_at = now()
where account_id = :account_id and id = :scheduler_id;

-- name: due
-- What the clock must start now, longest waiting first (system side).
select s.id from scheduler s
join account a on a.id = s.account_id and a.suspended_at is null
where s.state = 'active' and s.next_due_at <= :now
order by s.next_due_at, s.id
limit :limit;

-- name: take_due
-- One due scheduler, unless another worker is starting it (system side).
select id, account_id, type, name, source, timing, local_time, filter, state, next_due_at, created_at, updated_at,
       late, armed_at, planned_until, unswept, version, rules
from scheduler
where id = :scheduler_id and state = 'active' and next_due_at <= :now
for update skip locked;

-- name: advance
-- What a look at a due scheduler leaves behind (system side); the caller holds its row.
update scheduler
set state = :state, next_due_at = :next_due_at, planned_until = :planned_until, unswept = :unswept, updated_at = now()
where id = :scheduler_id;

-- name: wake
-- Let the clock look at once at a scheduler by local time that is under way: its pushes have changed.
update scheduler set next_due_at = :now
where account_id = :account_id and id = :scheduler_id and state = 'active' and local_time
  and next_due_at > :now and next_due_at <= :now::timestamptz + interval '15 minutes';

-- name: hold
-- One scheduler with its rules, held until the end of the transaction.
select id, account_id, type, name, source, timing, local_time, filter, state, next_due_at, created_at, updated_at,
       late, armed_at, planned_until, unswept, version, rules,
       exists (select from send where scheduler_id = scheduler.id and zone_bucket is distinct from :test) as begun
from scheduler
where account_id = :account_id and id = :scheduler_id
for update;

-- name: update_scheduler
-- Write down what a scheduler is from now on.
update scheduler
set name = :name, timing = :timing, local_time = :local_time, filter = :filter, late = :late, rules = :rules,
    armed_at = :armed_at, planned_until = :planned_until, next_due_at = :next_due_at,
    version = version + 1, updated_at = now()
where account_id = :account_id and id = :scheduler_id;

-- name: activate
-- Let a draft wait for its first moment.
update scheduler
set state = 'active', armed_at = :now, planned_until = :planned_until, next_due_at = :next_due_at, updated_at = now()
where account_id = :account_id and id = :scheduler_id and state = 'draft';

-- name: skip_missed
-- What came for zones while a scheduler was paused is left out, where zones that were passed are.
update scheduler set planned_until = :now
where account_id = :account_id and id = :scheduler_id and local_time and late = 'skip';

-- name: testers
-- Reachable devices that get a test: those with these ids, and those of these external ids.
select d.app_id, d.id from device d
where d.account_id = :account_id and d.active and d.token_state = 1
  and d.app_id = any(array(select id from app where account_id = :account_id and deleted_at is null))
  and d.id = any(:device_ids::bigint[])
union
select d.app_id, d.id from device d
where d.account_id = :account_id and d.ext_id = any(:external_ids::text[]) and d.ext_id <> ''
  and d.active and d.token_state = 1
limit :limit;

-- name: levels
-- The rules of an account and of those of its apps that have any.
select a.rules as account,
       (select jsonb_object_agg(p.id, p.rules) from app p where p.account_id = a.id and p.rules is not null) as apps
from account a
where a.id = :account_id;

-- name: similar_instant
-- An earlier instant sending of the last 10 s with the same name, filter and content, if there is one.
with content as (
    select p.scheduler_id, p.default_lang,
           array_agg((t.language, t.title, t.text, t.image, t.icon, t.link)::text order by t.language) as translations
    from (
        select id from scheduler where account_id = :account_id and id <= :scheduler_id order by id desc limit 50
    ) s
    join push p on p.account_id = :account_id and p.scheduler_id = s.id
    join push_translation t on t.push_id = p.id
    group by p.id
)
select earlier.id
from scheduler made
join content new on new.scheduler_id = made.id
join scheduler earlier on earlier.account_id = :account_id and earlier.id < made.id and earlier.source = 'instant'
     and earlier.created_at > made.created_at - interval '10 seconds'
     and earlier.name = made.name and earlier.filter = made.filter
join content old on old.scheduler_id = earlier.id
     and old.default_lang = new.default_lang and old.translations = new.translations
where made.account_id = :account_id and made.id = :scheduler_id
limit 1;

-- name: skip_due
-- Moments that have passed are left out: a scheduler whose only one it was is done (system side, after a restore).
update scheduler
set state = case when type = 'onesend' and not local_time then 'done' else state end,
    next_due_at = case when type = 'onesend' and not local_time then null else next_due_at end,
    planned_until = now(), updated_at = now()
where type in ('onesend', 'weekly') and state in ('active', 'paused') and next_due_at <= now();
