-- Nothing but the demonstration writes a past: it moves what has really happened back in time.

-- name: hold_totals
-- Keep workers from rolling counts up meanwhile (features/statistics/totals.sql: claim); returns nothing of use.
select pg_advisory_xact_lock(4848126573008);

-- name: make_days
-- Partitions for the messages of the last 30 days.
do $$
declare
    first date;
begin
    for first in select generate_series(now() at time zone 'UTC' - interval '30 days', now() at time zone 'UTC',
                                        interval '1 day')::date
    loop
        if to_regclass('delivery_' || to_char(first, 'YYYYMMDD')) is null then
            execute format('create table %I partition of delivery for values from (%L) to (%L)',
                           'delivery_' || to_char(first, 'YYYYMMDD'), first, first + 1);
        end if;
    end loop;
end $$;

-- name: make_months
-- Partitions for the events of the last 90 days.
do $$
declare
    first timestamptz;
begin
    for first in select generate_series(date_trunc('month', now() - interval '90 days', 'UTC'), now(), interval '1 month')
    loop
        if to_regclass('device_event_' || to_char(first at time zone 'UTC', 'YYYYMM')) is null then
            execute format('create table %I partition of device_event for values from (%L) to (%L)',
                           'device_event_' || to_char(first at time zone 'UTC', 'YYYYMM'),
                           first, first + interval '1 month');
        end if;
    end loop;
end $$;

-- name: move_counts
-- Counts of a sending.
update stat_hour h set hour = h.hour - :back::interval
from send s
where s.account_id = :account_id and s.scheduler_id = :scheduler_id
  and h.account_id = s.account_id and h.send_id = s.id;

-- name: move_deliveries
-- Its messages, into the partitions of their new days.
update delivery d
set day = ((s.due_at - :back::interval) at time zone 'UTC')::date, created_at = d.created_at - :back::interval,
    settled_at = d.settled_at - :back::interval, delivered_at = d.delivered_at - :back::interval,
    clicked_at = d.clicked_at - :back::interval
from send s
where s.account_id = :account_id and s.scheduler_id = :scheduler_id
  and d.account_id = s.account_id and d.send_id = s.id and d.day = s.day;

-- name: move_sends
-- Its occurrence.
update send
set day = ((due_at - :back::interval) at time zone 'UTC')::date, occurrence = occurrence - :back::interval,
    cutoff_at = cutoff_at - :back::interval, due_at = due_at - :back::interval, expires_at = expires_at - :back::interval,
    created_at = created_at - :back::interval, finished_at = finished_at - :back::interval
where account_id = :account_id and scheduler_id = :scheduler_id;

-- name: move_scheduler
-- The sending itself, with the date and time that people see.
update scheduler s
set timing = s.timing || jsonb_build_object('date', to_char(moved.at, 'YYYY-MM-DD'), 'time', to_char(moved.at, 'HH24:MI')),
    created_at = s.created_at - :back::interval, updated_at = s.updated_at - :back::interval,
    armed_at = s.armed_at - :back::interval, planned_until = s.planned_until - :back::interval
from (select min(due_at) at time zone 'UTC' as at from send
      where account_id = :account_id and scheduler_id = :scheduler_id) moved
where s.account_id = :account_id and s.id = :scheduler_id;

-- name: move_events
-- What has happened to devices, by as many days as the devices.
update device_event e set at = e.at - make_interval(days => 31 + (e.device_id % 40)::integer)
where e.app_id in (select id from app where account_id = :account_id);

-- name: move_devices
-- Devices have come between 31 and 70 days ago; some have not been seen for a while.
update device
set created_at = created_at - make_interval(days => 31 + (id % 40)::integer),
    last_seen_at = case when id % 3 = 0 then last_seen_at - make_interval(days => (id / 40 % 30)::integer)
                        else last_seen_at end
where account_id = :account_id;

-- name: note_growth
-- How many devices there were at the end of each day before today.
insert into reach_day (account_id, day, app_id, platform, n)
select d.account_id, day.day::date, d.app_id, d.platform, count(*)
from generate_series((now() at time zone 'UTC')::date - 90, (now() at time zone 'UTC')::date - 1, interval '1 day') day (day)
join device d on d.account_id = :account_id and d.active and d.token_state = 1
             and d.created_at < (day.day + interval '1 day') at time zone 'UTC'
group by d.account_id, day.day, d.app_id, d.platform
on conflict do nothing;

-- name: forget_totals
-- All that was rolled up.
delete from stat_total;

-- name: count_anew
-- Workers roll everything up from its beginning.
update stat_total_mark
set until = date_trunc('hour', coalesce((select min(hour) from stat_hour), now()), 'UTC');

-- name: forget_cohorts
-- Workers count again how long devices stay.
update app_reach set cohorts_at = null where account_id = :account_id;
