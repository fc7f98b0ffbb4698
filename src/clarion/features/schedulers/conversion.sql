-- name: insert
-- A new auto-push. The clock never looks at it: its triggers have their own moments.
insert into scheduler (account_id, type, name, timing, filter)
values (:account_id, 'conversion', :name, :timing, :filter)
returning id

-- name: hold
-- An active auto-push, that nobody pauses or cancels before this transaction ends (system side).
select account_id, filter from scheduler
where id = :scheduler_id and type = 'conversion' and state = 'active'
for share

-- name: targets
-- The devices of triggers as they are now, whether they match the filter, and how much they got today.
select d.app_id, d.id, d.active, d.token_state, d.transport, d.country, d.lang, d.platform, d.token_hash,
       {conditions} as matches,
       (select count(*) from unnest(:send_ids::bigint[]) as s (id)
        join delivery x on x.day = :day and x.app_id = d.app_id and x.send_id = s.id and x.device_id = d.id) as earlier
from unnest(:app_ids::bigint[], :device_ids::bigint[]) as v (app_id, id)
join device d on d.app_id = v.app_id and d.id = v.id and d.account_id = :account_id
