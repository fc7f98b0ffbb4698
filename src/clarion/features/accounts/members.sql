-- name: members
-- The people of an account.
select m.id, m.email, m.name, m.role, m.created_at, m.totp_secret is not null as two_factor,
       (select max(s.seen_at) from session s where s.member_id = m.id and s.confirmed) as seen_at
from member m
where m.account_id = :account_id
order by m.id
limit 1000

-- name: lock_members
-- One change of who an account's people are at a time.
select id from account where id = :account_id for update

-- name: member
-- One of the account's people.
select id, email, role from member where account_id = :account_id and id = :member_id

-- name: owners
-- How many owners the account has.
select count(*) from member where account_id = :account_id and role = 'owner'

-- name: set_role
-- What a member may do from now on.
update member set role = :role where account_id = :account_id and id = :member_id

-- name: remove_member
-- End a membership; sessions go with it.
delete from member where account_id = :account_id and id = :member_id

-- name: account
-- The account's own settings.
select name, default_zone from account where id = :account_id

-- name: set_account
-- Change the account's own settings.
update account set name = :name, default_zone = :default_zone where id = :account_id
