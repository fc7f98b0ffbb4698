-- What people asked to have erased.

-- A tombstone for each device and external id that was erased. What was on its way at that moment may still be written
-- under the device's id, and is looked for once more; then the id is forgotten, too, and only the keyed hash stays.
create table erasure (
    account_id bigint not null references account,
    subject_hash bytea not null,                        -- keyed hash of the device's id or the external id
    erased_at timestamptz not null default now(),
    app_id bigint,                                      -- these three until the second look
    device_id bigint,
    pseudonym bigint,                                   -- what its deliveries are under now
    primary key (account_id, subject_hash),
    check ((device_id is null) = (app_id is null) and (device_id is null) = (pseudonym is null))
);
create index erasure_open on erasure (erased_at) where device_id is not null;

create index webhook_message_told on webhook_message (account_id, object) where object like 'device:%';
