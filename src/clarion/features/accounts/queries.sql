-- name: create_account
-- A new customer.
insert into account (name) values (:name) returning id

-- name: create_member
-- The account's first member; nothing when the e-mail address is taken.
insert into member (account_id, email, password_hash)
values (:account_id, :email, :password_hash)
on conflict do nothing
returning id

-- name: create_system_events
-- The three codes every account has, at the bits that the whole installation relies on.
insert into event_definition (account_id, code, name, type, bit)
values (:account_id, 'install', 'Installation', 'SYSTEM', 0),
       (:account_id, 'reg', 'Registration', 'SYSTEM', 1),
       (:account_id, 'dep', 'Deposit', 'SYSTEM', 2)

-- name: create_key
-- A new API key; only the hash of its secret is kept.
insert into api_key (account_id, public_id, secret_hash, name)
values (:account_id, :public_id, :secret_hash, :name)

-- name: revoke_keys
-- Make all of an account's keys useless.
update api_key set revoked_at = now() where account_id = :account_id and revoked_at is null

-- name: key_by_public_id
-- The key that a caller presents, with its account's state.
select k.account_id, k.secret_hash, k.scope, a.suspended_at is not null as suspended
from api_key k
join account a on a.id = k.account_id
where k.public_id = :public_id and k.revoked_at is null

-- name: touch_key
-- Note that a key is in use, at most once a minute.
update api_key
set last_used_at = now()
where account_id = :account_id and public_id = :public_id
  and (last_used_at is null or last_used_at < now() - interval '1 minute')

-- name: accounts
-- All accounts with their first member, for the operator.
select a.id, a.name, a.created_at, a.suspended_at is not null as suspended,
       (select email from member m where m.account_id = a.id order by m.id limit 1) as email
from account a
order by a.id

-- name: member_by_email
-- The person behind an e-mail address.
select m.id, m.account_id, m.email, m.role, m.password_hash, a.suspended_at is not null as suspended
from member m
join account a on a.id = m.account_id
where lower(m.email) = lower(:email)

-- name: set_password_hash
-- Keep a password under newer parameters.
update member set password_hash = :password_hash where account_id = :account_id and id = :member_id

-- name: audit
-- One line of the account's history.
insert into audit_entry (account_id, actor, action, object, detail)
values (:account_id, :actor, :action, :object, :detail)
