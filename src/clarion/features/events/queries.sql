-- name: lock_account
-- Let only one at a time give out an account's next bit.
select id from account where id = :account_id for no key update

-- name: next_bit
-- The lowest bit after all that were ever given out: old history must not mean something new.
select max(bit) + 1 from event_definition where account_id = :account_id

-- name: create
-- A new custom event; nothing when the code is in use.
insert into event_definition (account_id, code, name, type, bit)
values (:account_id, :code, :name, 'CUSTOM', :bit)
on conflict do nothing
returning id

-- name: page
-- One page of an account's event definitions, oldest first, system ones only on demand.
select id, name, code, active, type
from event_definition
where account_id = :account_id and deleted_at is null and (type = 'CUSTOM' or :with_system)
order by id
limit :per_page offset :offset

-- name: count
-- How many there are in all.
select count(*)
from event_definition
where account_id = :account_id and deleted_at is null and (type = 'CUSTOM' or :with_system)

-- name: get
-- One event definition.
select id, name, code, active, type
from event_definition
where account_id = :account_id and id = :event_id and deleted_at is null

-- name: lock
-- One event definition that is about to change.
select id, name, code, active, type
from event_definition
where account_id = :account_id and id = :event_id and deleted_at is null
for update

-- name: code_in_use
-- Whether another definition of the account has this code.
select exists (
    select from event_definition
    where account_id = :account_id and code = :code and id <> :event_id and deleted_at is null
)

-- name: update
-- A new name and code under the same bit: the history stays.
update event_definition set name = :name, code = :code where account_id = :account_id and id = :event_id

-- name: set_active
-- Listen to the event's postbacks, or ignore them.
update event_definition set active = :active where account_id = :account_id and id = :event_id

-- name: delete
-- Take the code out of use; the row keeps its bit.
update event_definition
set deleted_at = now(), active = false
where account_id = :account_id and id = :event_id

-- name: rename_in_filters
-- Let schedulers that name the old code name the new one.
update scheduler
set filter = filter || jsonb_strip_nulls(jsonb_build_object(
        'event_include', case
            when filter -> 'event_include' = to_jsonb(:old::text) then to_jsonb(:new::text)
            when filter -> 'event_include' ? :old
                then (filter -> 'event_include') - :old::text || to_jsonb(:new::text) end,
        'event_exclude', case
            when filter -> 'event_exclude' = to_jsonb(:old::text) then to_jsonb(:new::text)
            when filter -> 'event_exclude' ? :old
                then (filter -> 'event_exclude') - :old::text || to_jsonb(:new::text) end)),
    updated_at = now()
where account_id = :account_id and (filter -> 'event_include' ? :old or filter -> 'event_exclude' ? :old)

-- name: drop_from_filters
-- Take a deleted code out of schedulers' filters. As the only code to include it stays, and matches nobody: without
-- it the sending would go to everybody.
update scheduler
set filter = filter || jsonb_strip_nulls(jsonb_build_object(
        'event_include', case
            when jsonb_typeof(filter -> 'event_include') = 'array'
                 and jsonb_array_length((filter -> 'event_include') - :code::text) > 0
                then (filter -> 'event_include') - :code::text end,
        'event_exclude', case
            when filter -> 'event_exclude' = to_jsonb(:code::text) then to_jsonb(''::text)
            when filter -> 'event_exclude' ? :code then (filter -> 'event_exclude') - :code::text end)),
    updated_at = now()
where account_id = :account_id and (filter -> 'event_include' ? :code or filter -> 'event_exclude' ? :code)

-- name: bits
-- The bit of each code of an account.
select code, bit from event_definition where account_id = :account_id and deleted_at is null
