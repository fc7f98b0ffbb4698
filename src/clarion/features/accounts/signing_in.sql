-- name: second_factor
-- What a member's second factor is checked against.
select m.email, m.role, m.totp_secret, m.totp_step
from member m
join account a on a.id = m.account_id
where m.account_id = :account_id and m.id = :member_id and m.totp_secret is not null and a.suspended_at is null
for update of m

-- name: use_step
-- A code works once.
update member set totp_step = :step where account_id = :account_id and id = :member_id

-- name: use_recovery_code
-- A recovery code works once.
update recovery_code set used_at = now()
where account_id = :account_id and member_id = :member_id and code_hash = :code_hash and used_at is null

-- name: asks_for_code
-- Whether a member has a second factor.
select totp_secret is not null from member where account_id = :account_id and id = :member_id
