-- name: credentials
-- How the credentials of the account's apps stand; no secret is read.
select c.app_id, c.provider, c.label, c.fingerprint, c.version, c.updated_at, c.expires_at, c.results, c.paused_at,
       c.pause_reason, c.probe_at, c.guard_tripped_at, c.guard_code, c.blocked_until, c.block_reason,
       c.unknown_answers, c.unknown_text, c.unknown_at, a.archived_at is not null as archived
from app_credential c
join app a on a.id = c.app_id and a.account_id = c.account_id and a.deleted_at is null
where c.account_id = :account_id
order by c.app_id, c.provider

-- name: suspects
-- Devices whose token the mass guard holds in use although a provider called it dead, by app and transport.
select app_id, transport, count(*) as suspects
from device
where account_id = :account_id and app_id = any(:app_ids::bigint[]) and suspect_at is not null
  and active and token_state = 1
group by app_id, transport

-- name: lock
-- One credential, locked until the end of the transaction.
select c.paused_at is not null as paused, c.guard_tripped_at is not null as tripped
from app_credential c
join app a on a.id = c.app_id and a.account_id = c.account_id and a.deleted_at is null
where c.account_id = :account_id and c.app_id = :app_id and c.provider = :provider
for update of c

-- name: resume
-- Use a paused credential again.
update app_credential set paused_at = null, pause_reason = null, probe_at = null
where account_id = :account_id and app_id = :app_id and provider = :provider

-- name: confirm_suspects
-- Some of the suspect tokens become invalid, as their provider said.
update device d
set token_state = 2, token_reason = d.suspect_code, token_state_at = now(), updated_at = now(),
    suspect_code = null, suspect_at = null
where d.account_id = :account_id and d.app_id = :app_id and d.id in (
    select id from device
    where account_id = :account_id and app_id = :app_id and suspect_at is not null and active and token_state = 1
      and transport = any(:transports::text[])
    order by id
    limit :limit
    for update
)

-- name: dismiss_suspects
-- Some of the suspect tokens are suspects no more and stay in use.
update device d set suspect_code = null, suspect_at = null
where d.account_id = :account_id and d.app_id = :app_id and d.id in (
    select id from device
    where account_id = :account_id and app_id = :app_id and suspect_at is not null and active and token_state = 1
      and transport = any(:transports::text[])
    order by id
    limit :limit
    for update
)

-- name: reset_guard
-- The mass guard of one credential is as if nothing had happened.
update app_credential set guard_tripped_at = null, guard_code = null
where account_id = :account_id and app_id = :app_id and provider = :provider

-- name: forget_minutes
-- The mass guard of one credential looks back on nothing; the credential's owner has been checked.
delete from credential_minute where app_id = :app_id and provider = :provider
