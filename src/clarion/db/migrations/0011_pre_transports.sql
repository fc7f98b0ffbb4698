-- Owners see push services that refuse a web app's messages, and retries that wait for the retry budget.

alter table app_credential
    drop constraint app_credential_block_reason_check,
    add constraint app_credential_block_reason_check
        check (block_reason in ('breaker', 'throttled', 'access_token', 'retry_budget')
               or block_reason like 'push_service %');

-- A message that kills its worker kills the next one too: slices count the leases that nobody gave up.
alter table slice
    add column losses smallint not null default 0,      -- leases that ended with the worker's death, or its silence
    add column begins_with bigint,                      -- first device left when such a slice was last begun
    add column strikes smallint not null default 0;     -- how often in a row that was the same device
