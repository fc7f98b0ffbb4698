-- name: create_link
-- An opportunity that works once.
insert into access_link (token_hash, purpose, account_id, member_id, email, role, expires_at)
values (:token_hash, :purpose, :account_id, :member_id, :email, :role, now() + :lifetime::interval)
returning id, expires_at

-- name: link
-- What a link opens, while it works.
select id, purpose, account_id, member_id, email, role
from access_link
where token_hash = :token_hash and purpose = :purpose and used_at is null and expires_at > now()

-- name: use_link
-- Spend a link; no row when somebody else was quicker.
update access_link set used_at = now()
where token_hash = :token_hash and purpose = :purpose and used_at is null and expires_at > now()
returning id, account_id, member_id, email, role

-- name: forget_links
-- Links of one purpose that are replaced by a new one, and all that expired long ago.
delete from access_link
where expires_at < now() - interval '7 days'
   or (purpose = :purpose and used_at is null and member_id is not distinct from :member_id
       and account_id is not distinct from :account_id and lower(email) = lower(:email))

-- name: invitations
-- Invitations of an account that nobody has accepted yet.
select id, email, role, created_at, expires_at
from access_link
where account_id = :account_id and purpose = 'invitation' and used_at is null and expires_at > now()
order by id desc
limit 100

-- name: withdraw_invitation
-- An invitation that shall work no longer.
delete from access_link
where account_id = :account_id and id = :link_id and purpose = 'invitation' and used_at is null
returning email

-- name: any_member
-- Whether anybody can sign in at all.
select exists (select from member)

-- name: member_for_link
-- The person behind an e-mail address.
select id, account_id, email from member where lower(email) = lower(:email)

-- name: set_password
-- A new password.
update member set password_hash = :password_hash
where account_id = :account_id and id = :member_id
returning email, role

-- name: add_member
-- A new member; nothing when the e-mail address is taken.
insert into member (account_id, email, password_hash, role, name)
values (:account_id, :email, :password_hash, :role, :name)
on conflict do nothing
returning id
