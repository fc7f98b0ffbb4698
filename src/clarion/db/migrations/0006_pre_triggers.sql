-- Auto-push: what waits for its moment, the sends that stay open for a day, and what accounts demand of postbacks.

-- One waiting auto-push message: an event of a device (its bit and number) that a conversion scheduler answers. Rows go
-- when they are fired or dropped; an event is stored once, so it arms a scheduler once.
create table trigger (
    app_id bigint not null,
    device_id bigint not null,
    scheduler_id bigint not null,
    bit smallint not null,
    number integer not null,
    account_id bigint not null,
    due_at timestamptz not null,
    awaits_token boolean not null default false,        -- due, but the device has told no token yet
    primary key (app_id, device_id, scheduler_id, bit, number)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
-- Each scheduler's next ones; a paused scheduler's cost nothing, since nobody looks at them.
create index trigger_due on trigger (scheduler_id, due_at) where not awaits_token;
create index trigger_awaiting on trigger (due_at) where awaits_token;

-- What an event looks through when it arrives.
create index scheduler_conversion on scheduler (account_id) where type = 'conversion' and state in ('active', 'paused');

alter table send add column open_until timestamptz;     -- messages are added until then; null = planned at once

-- What an account demands of its postbacks; no row = nothing.
create table postback_option (
    account_id bigint primary key references account,
    sealed_secret bytea,                                -- signs postbacks; null = none was made
    signature_required boolean not null default false,
    networks cidr[] not null default '{}',              -- who may call; empty = everybody
    quiet boolean not null default false,               -- callers learn nothing: every answer is the same
    starts_auto_push boolean not null default true,
    updated_at timestamptz not null default now(),
    check (not signature_required or sealed_secret is not null)
);
