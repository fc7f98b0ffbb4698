-- name: append
-- Add events to the history of devices whose rows the caller has locked, each with its number on that device.
insert into device_event (app_id, device_id, at, bit, number)
select v.app_id, v.device_id, clock_timestamp(), v.bit,
       row_number() over (partition by v.app_id, v.device_id, v.bit)
       + (select count(*) from device_event e
          where e.app_id = v.app_id and e.device_id = v.device_id and e.bit = v.bit)
from unnest(:app_ids::bigint[], :device_ids::bigint[], :bits::smallint[]) as v (app_id, device_id, bit)
returning app_id, device_id, bit, number, at

-- name: begin
-- The first entry in the history of devices created in this transaction.
insert into device_event (app_id, device_id, at, bit)
select v.app_id, v.device_id, now(), :bit from unnest(:app_ids::bigint[], :device_ids::bigint[]) as v (app_id, device_id)

-- name: find_code
-- The bit of an account's event code, and whether the code is in use.
select bit, active from event_definition where account_id = :account_id and code = :code and deleted_at is null
