-- Several pushes of a onesend as a test of each other; the audit log as something that is only ever added to.

create index audit_entry_object on audit_entry (account_id, object, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
    for each statement execute function refuse_change();

-- How the devices of a onesend are split between its pushes, and how a winner is found.
create table comparison (
    scheduler_id bigint primary key,
    account_id bigint not null,
    shares jsonb not null,                              -- push id → share
    winner jsonb,                                       -- features/schedulers/variants.py: Contest; null = none
    phase text not null default 'waiting' check (phase in ('waiting', 'sampling', 'decided')),
    sample_send_id bigint,
    rest_send_id bigint,
    decide_at timestamptz,
    decided_at timestamptz,
    winner_id bigint,                                   -- the push that went to the rest
    reason text,                                        -- why it did, or why none did
    foreign key (account_id, scheduler_id) references scheduler (account_id, id)
);

alter table send
    add column shares integer[],                        -- of push_ids, in their order; null = equal ones
    add column sample integer;                          -- of 2^24: how many devices are drawn for the sample
comment on column send.zone_bucket is 'nominal wall time as if UTC minus due_at in seconds; null = not by local time; '
    '-1000000 = sweep of devices that changed zone; -1000001 = test; -1000002 = sample; -1000003 = rest after it';
