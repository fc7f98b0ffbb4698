-- What owners and operators see of credentials: when they run out, what hinders them, what nobody understands.

alter table app_credential
    add column expires_at timestamptz,                          -- of a certificate; null = has no end
    add column blocked_until timestamptz,                       -- a worker sends nothing before, although not paused
    add column block_reason text                                -- why it does not
        check (block_reason in ('breaker', 'throttled', 'access_token')),
    add column unknown_answers bigint not null default 0,       -- of this version: answers that no table explains
    add column unknown_text text,                               -- the last one, redacted
    add column unknown_at timestamptz;

-- For the metrics, which look every few seconds: only the rows that stand out.
create index app_credential_troubled on app_credential (provider)
    where paused_at is not null or guard_tripped_at is not null;
create index app_credential_expiry on app_credential (expires_at) where expires_at is not null;
