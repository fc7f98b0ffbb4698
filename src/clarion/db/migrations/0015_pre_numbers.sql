-- Numbers for people: counts of messages rolled up, devices over time, and how long devices stay.

-- stat_hour summed up by one dimension at a time, by hour and by day (UTC), for hours that are over: a year of a large
-- account is read in milliseconds.
create table stat_total (
    account_id bigint not null,
    dimension text not null,                            -- total, app, push, country, language, platform
    width text not null check (width in ('hour', 'day')),
    begin timestamptz not null,
    key text not null,
    outcome text not null,
    n bigint not null,
    primary key (account_id, dimension, width, begin, key, outcome)
);

create table stat_total_mark (
    only_row boolean primary key default true check (only_row),
    until timestamptz not null                          -- hours before are rolled up; later ones are in stat_hour alone
);
insert into stat_total_mark (until)
select date_trunc('hour', coalesce(min(first.hour), now()), 'UTC')
from account a
cross join lateral (select min(h.hour) as hour from stat_hour h where h.account_id = a.id) first;

-- Reachable devices of active apps at the end of each day (UTC); today's rows are as of a few minutes ago.
create table reach_day (
    account_id bigint not null,
    day date not null,
    app_id bigint not null,
    platform text not null,
    n bigint not null,
    primary key (account_id, day, app_id, platform)
);

-- Of the devices that an app got in one week, how many were seen 1, 2, ... weeks after they came, or later.
create table device_cohort (
    account_id bigint not null,
    app_id bigint not null,
    week date not null,                                 -- its Monday
    devices bigint not null,
    seen bigint[] not null,
    exact boolean not null,                             -- false: projected from a sample
    primary key (account_id, app_id, week)
);

alter table app_reach
    add column cohorts_at timestamptz;                  -- when the app's cohorts were counted last
