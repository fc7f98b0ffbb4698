-- name: keys
-- The account's keys, newest first; revoked ones are history only.
select id, public_id, name, scope, created_at, last_used_at
from api_key
where account_id = :account_id and revoked_at is null
order by id desc

-- name: lock_account
-- One change of an account's keys and members at a time.
select id from account where id = :account_id for update

-- name: create_scoped_key
-- A new API key; only the hash of its secret is kept.
insert into api_key (account_id, public_id, secret_hash, name, scope)
values (:account_id, :public_id, :secret_hash, :name, :scope)

-- name: revoke_key
-- Make one key useless.
update api_key set revoked_at = now()
where account_id = :account_id and id = :key_id and revoked_at is null
returning public_id, name, scope
