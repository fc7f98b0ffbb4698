-- Sending by local time, weekly schedulers with their rotation, test sends, and drafts.

-- The zone that a device's wall clock shows: its IANA name, else its offset in seconds, else '' for its app's default.
create function device_zone(tz_name text, tz_sec integer) returns text language sql immutable parallel safe as $$
    select case when tz_name <> '' then tz_name else coalesce(tz_sec::text, '') end
$$;

alter table device
    add column zone_at timestamptz;                             -- when the zone last changed; null = never did
create index device_zone on device (app_id, device_zone(tz_name, tz_sec), id) where active and token_state = 1;
create index device_zone_at on device (app_id, zone_at) where zone_at is not null;

alter table scheduler
    add column late text not null default 'at_once'             -- zones whose moment has passed when it is armed
        check (late in ('at_once', 'skip', 'next_day')),
    add column armed_at timestamptz not null default now(),     -- when it was made, edited or resumed
    add column planned_until timestamptz,                       -- moments up to here are dealt with; null = none
    add column unswept timestamptz[] not null default '{}',     -- occurrences whose late sweep is still to come
    add column version integer not null default 1,              -- grows with every edit
    drop constraint scheduler_state_check,
    add constraint scheduler_state_check check (state in ('draft', 'active', 'paused', 'cancelled', 'done'));

alter table send
    add column zones text[],                                    -- device zones it is for; of a sweep: left out
    add column zone_apps bigint[],                              -- apps whose devices without a zone belong to it
    add column rotates boolean not null default false,          -- each device gets the next push it has not had
    add column device_ids bigint[];                             -- a test: these devices only, whatever the filter says
comment on column send.zone_bucket is 'nominal wall time as if UTC minus due_at in seconds; null = not by local time; '
    '-1000000 = sweep of devices that changed zone; -1000001 = test';

-- What each device has had of a weekly scheduler's pushes since its cycle began.
create table rotation (
    app_id bigint not null,
    scheduler_id bigint not null,
    device_id bigint not null,
    had bigint[] not null,
    primary key (app_id, scheduler_id, device_id)
);
