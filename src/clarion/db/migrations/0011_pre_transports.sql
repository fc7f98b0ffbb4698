-- A push service that refuses a web app's messages is named to the app's owner.

alter table app_credential
    drop constraint app_credential_block_reason_check,
    add constraint app_credential_block_reason_check
        check (block_reason in ('breaker', 'throttled', 'access_token') or block_reason like 'push_service %');
