"""Two months of an account's work beside its devices: sendings, messages, counts, events, and what its team did."""

import time
from dataclasses import dataclass

import asyncpg

SENDINGS = 1_000
RUNNING = 8
DAYS = 60
MESSAGES = 100_000
"""Deliveries of the newest send; the sample device has its own of every second one."""

_PARTITIONS = """
do $$
declare
    first date;
begin
    for first in select generate_series(now() at time zone 'UTC' - interval '60 days', now() at time zone 'UTC',
                                        interval '1 day')::date
    loop
        if to_regclass('delivery_' || to_char(first, 'YYYYMMDD')) is null then
            execute format('create table %I partition of delivery for values from (%L) to (%L)',
                           'delivery_' || to_char(first, 'YYYYMMDD'), first, first + 1);
        end if;
    end loop;
end $$
"""

_FILL = {
    "app credentials": """
        insert into app_credential (app_id, provider, account_id, sealed, fingerprint, label)
        select id, provider, 1, '', 'f' || id, 'label' from app, unnest(array['fcm', 'apns', 'webpush']) provider
    """,
    "groups": """
        with apps as (
            insert into app_group (account_id, name, all_apps)
            select 1, 'Group ' || n, false from generate_series(1, 20) n returning id
        ), members as (
            insert into app_group_member (group_id, app_id, account_id)
            select g.id, a.id, 1 from apps g, app a where (g.id + a.id) % 3 = 0
        ), audiences as (
            insert into audience_group (account_id, name, audiences)
            select 1, 'People ' || n, array['vip', 'seg-' || n] from generate_series(1, 200) n
        )
        insert into saved_filter (account_id, name, filter)
        select 1, 'Filter ' || n, '{"all_apps": true, "countries_include": ["AA"]}' from generate_series(1, 100) n
    """,
    "schedulers": """
        insert into scheduler (account_id, type, name, timing, filter, state, next_due_at, created_at)
        select 1, 'onesend', 'Sending ' || n,
               '{"date": "2031-05-04", "time": "18:30", "timezone": "+00:00"}',
               case n % 5 when 0 then '{"all_apps": true}'
                    when 1 then '{"all_apps": true, "countries_include": ["AA", "BA"], "event_include": ["reg"]}'
                    when 2 then '{"all_apps": true, "audiences_include": ["vip"], "languages_exclude": ["en"]}'
                    when 3 then '{"app_ids_include": [1, 2], "platforms_include": ["ios"]}'
                    else '{"all_apps": true, "tags": [{"key": "plan", "equals": "gold"}]}' end::jsonb,
               case when n > 1020 then 'active' else 'done' end,
               case when n > 1020 then now() + n * interval '1 hour' end, now() - (1021 - n) * interval '85 minutes'
        from generate_series(1, 1040) n
    """,
    "pushes": """
        with made as (
            insert into push (account_id, default_lang, scheduler_id, scheduler_position)
            select 1, 'en', id, 1 from scheduler returning id
        )
        insert into push_translation (push_id, language, title, text)
        select id, language, 'Title ' || id, 'A text of some length about what is new today, number ' || id
        from made, unnest(array['en', 'pt', 'ru']) language
    """,
    "sends": """
        insert into send (account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at,
                          estimate, created_at, finished_at)
        select 1, s.id, due, (due at time zone 'UTC')::date,
               case when s.id > $1 - $2 then 'running' else 'complete' end, array[p.id], due, due,
               due + interval '1 day', 400000, due, case when s.id <= $1 - $2 then due + interval '20 minutes' end
        from scheduler s join push p on p.scheduler_id = s.id,
             lateral (select now() - ($1 - s.id) * make_interval(days => $3) / $1) moment (due)
        where s.id <= $1
    """,
    "slices": """
        insert into slice (send_id, no, account_id, app_id, provider, id_from, id_to, state)
        select s.id, n, 1, 1 + n % 8, (array['fcm', 'apns', 'webpush'])[1 + n / 8 % 3],
               n / 24 * 57646075230342348, (n / 24 + 1) * 57646075230342348 - 1,
               case when s.state = 'running' and n % 2 = 0 then 'ready' else 'done' end
        from send s, generate_series(0, 239) n
    """,
    "counts": """
        insert into stat_hour (account_id, app_id, send_id, push_id, country, lang, platform, hour, outcome, n)
        select 1, 1 + k % 8, s.id, s.push_ids[1], chr(65 + k % 26) || 'A',
               (array['en', 'pt', 'es', 'de', 'fr', 'ru', 'hi', 'id', 'tr', 'vi', 'it', 'pl'])[1 + k % 12],
               (array['android', 'ios', 'browser'])[1 + k % 3], date_trunc('hour', s.due_at) + h * interval '1 hour',
               outcome, 10 + k
        from send s, generate_series(0, 79) k, generate_series(0, 7) h,
             unnest(array['sent', 'failed:token', 'delivered', 'clicked']) outcome
        where (h = 0 or outcome in ('delivered', 'clicked')) and s.due_at + h * interval '1 hour' < now()
    """,
    "mark of totals": """
        update stat_total_mark
        set until = (select date_trunc('hour', min(hour), 'UTC') from stat_hour where account_id = 1)
    """,
    "growth": """
        insert into reach_day (account_id, day, app_id, platform, n)
        select 1, current_date - n, app.id, platform, 100000 - 100 * n
        from generate_series(1, 365) n, app, unnest(array['android', 'ios', 'browser']) platform
    """,
    "messages": """
        insert into delivery (day, app_id, send_id, device_id, account_id, push_id, provider, lang, country, platform,
                              state, token_hash, attempt, settled_at, delivered_at)
        select s.day, d.app_id, s.id, d.id, 1, s.push_ids[1], 'fcm', d.lang, d.country, d.platform, 2,
               '\\x0011223344556677', 1, now(), now()
        from (select * from send where state = 'complete' order by id desc limit 1) s,
             (select * from device where app_id = 1 limit $1) d
    """,
    "messages of the sample": """
        insert into delivery (day, app_id, send_id, device_id, account_id, push_id, provider, lang, country, platform,
                              state, token_hash, attempt, settled_at)
        select s.day, $1, s.id, $2, 1, s.push_ids[1], 'fcm', 'en', 'AA', 'android', 2, '\\x0011223344556677', 1, now()
        from send s where s.id % 2 = 0
        on conflict do nothing
    """,
    "events": """
        insert into device_event (app_id, device_id, at, bit, number)
        select $1, $2, now() - n * interval '1 second', n % 3, n from generate_series(1, 300) n
        where now() - n * interval '1 second' >= date_trunc('month', now())
    """,
    "auto-push": """
        with made as (
            insert into scheduler (account_id, type, name, timing, filter)
            values (1, 'conversion', 'Auto-push', '{"delay": "1h", "delay_sec": 3600}',
                    '{"all_apps": true, "event_include": ["install"]}') returning id
        )
        insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at)
        select 1, n, made.id, 0, 1, 1, now() + n * interval '1 second' from made, generate_series(1, 100000) n
    """,
    "audit": """
        insert into audit_entry (account_id, actor, action, object, at)
        select 1, case n % 3 when 0 then 'operator' else 'member:' || n % 3 end,
               (array['app.update', 'push.create', 'scheduler.create'])[1 + n % 3], 'scheduler:' || n,
               now() - (50000 - n) * interval '1 minute'
        from generate_series(1, 50000) n
    """,
    "webhooks": """
        with made as (
            insert into webhook (account_id, url, events, secret)
            select 1, 'https://hooks.example.com/' || n, array['send.completed'], '' from generate_series(1, 3) n
            returning id
        )
        insert into webhook_message (webhook_id, account_id, type, object, body, state, settled_at, last_at,
                                     last_status)
        select id, 1, 'send.completed', 'send:' || n, '{"id": 1}', 2, now(), now(), 200
        from made, generate_series(1, 10000) n
    """,
    "team": """
        insert into member (account_id, email, password_hash, role)
        select 1, 'person' || n || '@example.com', '!', case n when 1 then 'owner' else 'viewer' end
        from generate_series(1, 40) n
    """,
}
"""What is filled in, in this order. Parameters are those of `_arguments`."""


@dataclass(frozen=True)
class Sample:
    """The device whose story is told."""

    app_id: int
    device_id: int


async def fill_past(connection: "asyncpg.Connection[asyncpg.Record]", sealed: bytes, sample: Sample) -> float:
    """Give account 1 its past; the seconds that took. `sealed` is the sample's installation token."""
    begun = time.perf_counter()
    await connection.execute(_PARTITIONS)
    for what, statement in _FILL.items():
        await connection.execute(statement, *_arguments(what, sample), timeout=600)
    await connection.execute(
        "update device set ic_token = $1 where app_id = $2 and id = $3", sealed, sample.app_id, sample.device_id
    )
    await connection.execute("vacuum analyze", timeout=600)
    return time.perf_counter() - begun


def _arguments(what: str, sample: Sample) -> tuple[int, ...]:
    if what == "sends":
        return SENDINGS, RUNNING, DAYS
    if what == "messages":
        return (MESSAGES,)
    if what in {"messages of the sample", "events"}:
        return sample.app_id, sample.device_id
    return ()


async def choose_sample(connection: "asyncpg.Connection[asyncpg.Record]") -> Sample:
    """Some device that messages reach."""
    row = await connection.fetchrow("""
        select app_id, id from device where app_id = 1 and active and token_state = 1 and transport = 'fcm.data' limit 1
    """)
    assert row is not None
    return Sample(row["app_id"], row["id"])
