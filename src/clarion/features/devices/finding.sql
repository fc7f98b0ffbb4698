-- name: by_id
-- A device by its id on the wire; the apps make it a look by the primary key.
select d.app_id, d.id, d.ext_id, d.platform, d.country, d.lang, d.transport, d.last_seen_at,
       d.active and d.token_state = 1 as reachable
from app a
join device d on d.app_id = a.id and d.id = :device_id and d.account_id = :account_id
where a.account_id = :account_id and a.deleted_at is null

-- name: by_ext_id
-- Devices of an external id, last seen first.
select d.app_id, d.id, d.ext_id, d.platform, d.country, d.lang, d.transport, d.last_seen_at,
       d.active and d.token_state = 1 as reachable
from device d
join app a on a.account_id = :account_id and a.id = d.app_id and a.deleted_at is null
where d.account_id = :account_id and d.ext_id = :text and d.ext_id <> ''
order by d.last_seen_at desc, d.app_id, d.id
limit :limit

-- name: by_ic_token
-- Devices of an installation token, last seen first.
select d.app_id, d.id, d.ext_id, d.platform, d.country, d.lang, d.transport, d.last_seen_at,
       d.active and d.token_state = 1 as reachable
from device d
join app a on a.account_id = :account_id and a.id = d.app_id and a.deleted_at is null
where d.account_id = :account_id and d.ic_token_hash = :hash
order by d.last_seen_at desc, d.app_id, d.id
limit :limit
