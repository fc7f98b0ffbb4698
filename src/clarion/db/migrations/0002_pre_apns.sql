-- APNs: provider tokens that all processes share, and the environment that a device turned out to live in.

-- Apple counts each different token as an update, and allows one in 20 minutes; so whoever needs one takes this one.
create table apns_jwt (
    cache_key bytea primary key,        -- digest of private key, team, key id and environment
    sealed bytea not null,
    issued_at timestamptz not null
);

-- Set where a device's token was accepted by another environment than its app's credential names.
alter table device add column apns_environment text;
