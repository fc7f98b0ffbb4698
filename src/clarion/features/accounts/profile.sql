-- name: profile
-- What a member has chosen.
select name, language, time_zone, password_hash, totp_secret is not null as two_factor,
       (select count(*) from recovery_code c where c.member_id = m.id and c.used_at is null) as recovery_codes
from member m
where account_id = :account_id and id = :member_id

-- name: save_profile
-- What a member chooses for themselves.
update member set name = :name, language = :language, time_zone = :time_zone
where account_id = :account_id and id = :member_id

-- name: change_password
-- A new password.
update member set password_hash = :password_hash where account_id = :account_id and id = :member_id

-- name: set_second_factor
-- Begin or end asking for codes.
update member set totp_secret = :totp_secret, totp_step = :totp_step
where account_id = :account_id and id = :member_id

-- name: forget_recovery_codes
-- Codes that are replaced.
delete from recovery_code where account_id = :account_id and member_id = :member_id

-- name: add_recovery_codes
-- New codes, each for one sign-in.
insert into recovery_code (account_id, member_id, code_hash)
select :account_id::bigint, :member_id::bigint, unnest(:hashes::bytea[])
