-- Rules that protect people and back ends: quiet hours, frequency caps, gaps, pacing (docs/explanation/order-of-rules.md).

alter table account add column rules jsonb;             -- features/rules/model.py: Rules; null = none
alter table app add column rules jsonb;
alter table scheduler add column rules jsonb;
create index app_rules on app (account_id) where rules is not null;

alter table send add column paced boolean not null default false; -- its messages leave at the pace of some rule
alter table slice add column not_before timestamptz;    -- its pace lets nothing more go before this moment

-- When rules let a message go that they had held back: its time to live and its hour for retries begin then.
alter table delivery add column released_at timestamptz;

-- A delivery that a rule holds back is parked: next_attempt_at is infinity, so that however many wait for their turn,
-- nobody who looks for due ones meets them; they are found by their send and the moment from which they wait.
alter table delivery add column parked_at timestamptz;
create index delivery_parked on only delivery (send_id, parked_at) where parked_at is not null;
do $$
declare
    child record;
begin
    -- On partitions of days to come at once, on older ones not at all: nothing is parked in them.
    for child in
        select c.relname, c.oid from pg_inherits join pg_class c on c.oid = inhrelid
        where inhparent = 'delivery'::regclass
          and c.relname >= 'delivery_' || to_char(now() at time zone 'UTC' - interval '1 day', 'YYYYMMDD')
    loop
        execute format('create index %I on %I (send_id, parked_at) where parked_at is not null',
                       child.relname || '_parked', child.relname);
        execute format('alter index delivery_parked attach partition %I', child.relname || '_parked');
    end loop;
end $$;

-- State 5: skipped by a rule. `reason` tells which; of a waiting row it tells which rule holds it back.
alter table delivery drop constraint delivery_state_check;
alter table delivery add constraint delivery_state_check check (state between 1 and 5) not valid;

-- Who was contacted when, as far as caps and gaps ask for it. Written before the message leaves, so that sends that run
-- at the same time see each other's; taken back when the message fails.
create table contact (
    send_id bigint not null,
    device_id bigint not null,
    subject bigint not null,                            -- the device's id, or minus a hash of the external user id
    account_id bigint not null,
    app_id bigint not null,
    scheduler_id bigint not null,
    at timestamptz not null,
    primary key (send_id, device_id, subject)
);
create index contact_subject on contact (account_id, subject, at);
create index contact_age on contact using brin (at);

-- How far a paced stream of messages has come; one row for each account, app or scheduler that has a pace.
create table pace_course (
    account_id bigint not null,
    level text not null check (level in ('account', 'app', 'scheduler')),
    id bigint not null,
    pace jsonb not null,                                -- a changed pace begins anew
    began_at timestamptz not null,
    granted bigint not null,
    primary key (account_id, level, id)
);
