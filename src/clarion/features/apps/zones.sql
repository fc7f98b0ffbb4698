-- name: get_zone
-- The zone of an app's devices that tell none.
select default_zone from app where account_id = :account_id and id = :app_id and deleted_at is null

-- name: set_zone
-- Give an app another one.
update app set default_zone = :zone
where account_id = :account_id and id = :app_id and deleted_at is null
returning id
