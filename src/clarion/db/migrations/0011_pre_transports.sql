-- Owners see push services that refuse a web app's messages, and retries that wait for the retry budget.

alter table app_credential
    drop constraint app_credential_block_reason_check,
    add constraint app_credential_block_reason_check
        check (block_reason in ('breaker', 'throttled', 'access_token', 'retry_budget')
               or block_reason like 'push_service %');
