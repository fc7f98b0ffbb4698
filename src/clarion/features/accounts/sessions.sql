-- name: create_session
-- A signed-in browser; `confirmed` is false while its second factor is awaited.
insert into session (token_hash, account_id, member_id, confirmed, ends_at, address, agent)
values (:token_hash, :account_id, :member_id, :confirmed, now() + :lifetime::interval, :address, :agent)

-- name: session_by_token
-- The session of a browser with its member, while neither time limit has passed and the account is not suspended.
select s.id, s.account_id, s.member_id, s.confirmed, s.notices, s.seen_at,
       m.email, m.name, m.role, m.language, m.totp_secret is not null as two_factor,
       coalesce(m.time_zone, a.default_zone) as zone, a.name as account_name,
       m.role = 'owner' and not exists (select from account older where older.id < a.id) as operator
from session s
join member m on m.id = s.member_id
join account a on a.id = s.account_id
where s.token_hash = :token_hash and s.ends_at > now() and s.seen_at > now() - :idle::interval
  and a.suspended_at is null

-- name: touch_session
-- Note that a session is in use, at most once a minute.
update session set seen_at = now()
where account_id = :account_id and id = :session_id and seen_at < now() - interval '1 minute'

-- name: keep_notices
-- What the session's next page shows.
update session set notices = :notices where account_id = :account_id and id = :session_id

-- name: end_session_by_token
-- Forget the session of one browser.
delete from session where token_hash = :token_hash

-- name: sessions_of_member
-- Where a member is signed in, latest use first.
select id, created_at, seen_at, ends_at, address, agent
from session
where account_id = :account_id and member_id = :member_id and confirmed
  and ends_at > now() and seen_at > now() - :idle::interval
order by seen_at desc, id desc
limit 100

-- name: end_session
-- Sign one of the member's own sessions out.
delete from session where account_id = :account_id and member_id = :member_id and id = :session_id

-- name: end_sessions
-- Sign a member out everywhere, except in the session kept.
delete from session where account_id = :account_id and member_id = :member_id and id <> :kept

-- name: forget_old_sessions
-- Sessions that can no longer be used, some at a time.
delete from session where id in (
    select id from session where ends_at < now() or seen_at < now() - :idle::interval limit 100
)
