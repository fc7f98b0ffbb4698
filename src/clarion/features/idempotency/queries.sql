-- name: try_lock
-- Be the only call with this key until the end of the transaction; false when another one is.
select pg_try_advisory_xact_lock(:lock)

-- name: find
-- What was answered to this key before.
select request_hash, status, answer from idempotency_key where account_id = :account_id and key_hash = :key_hash

-- name: keep
-- The answer to this key from now on.
insert into idempotency_key (account_id, key_hash, request_hash, status, answer)
values (:account_id, :key_hash, :request_hash, :status, :answer)

-- name: count
-- How many keys the account has in use; counting ends at the limit.
select count(*) from (select from idempotency_key where account_id = :account_id limit :limit) as used

-- name: forget
-- Some answers that are older than they must be kept (system side).
delete from idempotency_key
where (account_id, key_hash) in (
    select account_id, key_hash from idempotency_key
    where created_at < now() - :hours * interval '1 hour' order by created_at limit :limit)
