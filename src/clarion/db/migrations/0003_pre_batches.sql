-- Requests with many recipients that a provider knows by their key: kept from before they are sent until they are
-- settled, so that whoever repeats one repeats exactly the same (providers.md 6.3).
create table provider_batch (
    app_id bigint not null,
    send_id bigint not null,
    key uuid not null,
    account_id bigint not null,
    day date not null,
    provider text not null,
    push_id bigint not null,
    lang text not null,
    transport text not null,
    device_ids bigint[] not null,
    tokens text[] not null,                             -- of these devices, in the same order, as they were sent
    created_at timestamptz not null default now(),
    primary key (app_id, send_id, key)
);
