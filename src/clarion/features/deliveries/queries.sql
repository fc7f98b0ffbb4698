-- name: recipients
-- One page of a slice's recipients in id order; with what placeholders may ask of them only where a push has any.
select d.id, d.token, d.transport || coalesce(':' || case d.transport when 'apns' then d.apns_environment end, ''),
       d.country, d.lang, d.platform, d.token_hash,
       case when :personal::boolean then jsonb_build_object('tags', d.tags, 'ext_id', d.ext_id, 'country', d.country,
                                                   'lang', d.lang) end
from device d
where d.app_id = :app_id and d.id between :id_from and :id_to and d.transport = any(:transports::text[])
  and d.active and d.token_state = 1 and d.created_at <= :cutoff_at and {conditions}
order by d.id
limit :limit

-- name: recipients_left
-- The same for a slice that was begun before: without those that have a delivery already.
select d.id, d.token, d.transport || coalesce(':' || case d.transport when 'apns' then d.apns_environment end, ''),
       d.country, d.lang, d.platform, d.token_hash,
       case when :personal::boolean then jsonb_build_object('tags', d.tags, 'ext_id', d.ext_id, 'country', d.country,
                                                   'lang', d.lang) end
from device d
where d.app_id = :app_id and d.id between :id_from and :id_to and d.transport = any(:transports::text[])
  and d.active and d.token_state = 1 and d.created_at <= :cutoff_at and {conditions}
  and not exists (select from delivery x where x.day = :day and x.app_id = d.app_id and x.send_id = :send_id
                                           and x.device_id = d.id)
order by d.id
limit :limit

-- name: insert
-- New deliveries. What many have in common comes once, as a kind that their rows name by its number; moments likewise,
-- number 0 being none. A column without any may be empty.
insert into delivery (day, app_id, send_id, account_id, push_id, provider, lang, country, platform, state, reason, code,
                      attempt, may_be_sent, created_at, settled_at, device_id, token_hash, provider_id,
                      next_attempt_at)
select k.day, k.app_id, k.send_id, k.account_id, k.push_id, k.provider, k.lang, k.country, k.platform, k.state,
       k.reason, k.code, k.attempt, k.may_be_sent,
       (:moments::timestamptz[])[d.created], (:moments::timestamptz[])[d.settled], d.device_id, d.token_hash,
       d.provider_id, (:moments::timestamptz[])[d.next]
from unnest(:kinds::int[], :created::int[], :settled::int[], :nexts::int[], :device_ids::bigint[],
            :token_hashes::bytea[], :provider_ids::text[])
     as d (kind, created, settled, next, device_id, token_hash, provider_id)
join unnest(:days::date[], :app_ids::bigint[], :send_ids::bigint[], :account_ids::bigint[], :push_ids::bigint[],
            :providers::text[], :languages::text[], :kind_countries::text[], :kind_platforms::text[],
            :states::smallint[], :reasons::text[], :codes::text[], :attempts::smallint[], :maybes::boolean[])
     with ordinality
     as k (day, app_id, send_id, account_id, push_id, provider, lang, country, platform, state, reason, code, attempt,
           may_be_sent, kind) using (kind)

-- name: insert_missing
-- The careful form, columns in the order of `Entry`: rows that exist already stay as they are and are not returned.
insert into delivery (day, app_id, send_id, account_id, push_id, provider, lang, country, platform, state, reason, code,
                      attempt, may_be_sent, created_at, settled_at, device_id, token_hash, provider_id,
                      next_attempt_at)
select * from unnest(:c0::date[], :c1::bigint[], :c2::bigint[], :c3::bigint[], :c4::bigint[], :c5::text[], :c6::text[],
                     :c7::text[], :c8::text[], :c9::smallint[], :c10::text[], :c11::text[], :c12::smallint[],
                     :c13::boolean[], :c14::timestamptz[], :c15::timestamptz[], :c16::bigint[], :c17::bytea[],
                     :c18::text[], :c19::timestamptz[])
on conflict (day, app_id, send_id, device_id) do nothing
returning app_id, send_id, device_id

-- name: settle
-- Outcomes of waiting rows; accepted only while the row still waits for exactly this attempt. (The state is written so
-- that the planner does not go through all waiting rows of the send, which may be millions, by their own index.)
update delivery d
set state = u.state, reason = u.reason, code = u.code, provider_id = u.provider_id, may_be_sent = u.may_be_sent,
    token_hash = u.token_hash, next_attempt_at = u.next_attempt_at, settled_at = u.settled_at, lease_until = null,
    attempt = u.attempt - u.uncounted::int
from unnest(:days::date[], :app_ids::bigint[], :send_ids::bigint[], :device_ids::bigint[], :states::smallint[],
            :reasons::text[], :codes::text[], :provider_ids::text[], :token_hashes::bytea[], :attempts::smallint[],
            :maybes::boolean[], :nexts::timestamptz[], :settled::timestamptz[], :uncounted::boolean[])
     as u (day, app_id, send_id, device_id, state, reason, code, provider_id, token_hash, attempt, may_be_sent,
           next_attempt_at, settled_at, uncounted)
where d.day = u.day and d.app_id = u.app_id and d.send_id = u.send_id and d.device_id = u.device_id
  and d.state + 0 = 1 and d.attempt = u.attempt
returning d.app_id, d.send_id, d.device_id

-- name: go_by_indexes
-- For the rest of the transaction. Before a partition's first statistics the planner takes it for cheaper to read and sort
-- everything that waits.
select set_config(name, 'off', true) from unnest(array['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) as name

-- name: due
-- What waits and is due, by send, app and provider, the oldest first: whether it may go (as far as the database knows),
-- whether all of it must end without another attempt, whatever holds its send, app or credential back, or those
-- that are too old. In a send that messages are added to one by one each has a time to live of its own.
select g.day, g.send_id, g.app_id, g.provider, g.account_id, k.usable, k.ends, k.ages
from waiting_groups() g
join send s on s.id = g.send_id
join app on app.id = g.app_id
join account a on a.id = g.account_id
left join app_credential c on c.app_id = g.app_id and c.provider = g.provider
cross join lateral (
    select s.state <> 'paused' and app.archived_at is null and a.suspended_at is null
           and (c.paused_at is null or c.probe_at <= now()) as usable,
           s.state = 'cancelled' or s.expires_at <= now() or app.deleted_at is not null or c.app_id is null as ends,
           s.open_until is not null and g.first_at <= now() - interval '24 hours' as ages
) k
where g.first_at <= now() and (k.usable or k.ends or k.ages)
  and not exists (select from installation where held_at is not null)
order by g.first_at

-- name: claim
-- Lease waiting rows whose moment has come, so many of each send, app and provider; of some only those that are too old.
-- A lease that ran out means a worker died with the message in flight. The time of a message which a rule held back (it
-- has a reason) begins now.
with due as (
    select w.day, w.app_id, w.send_id, w.device_id
    from unnest(:days::date[], :send_ids::bigint[], :app_ids::bigint[], :providers::text[], :counts::int[],
                :only_aged::boolean[]) as g (day, send_id, app_id, provider, count, only_aged)
    cross join lateral (
        select d.day, d.app_id, d.send_id, d.device_id
        from delivery d
        where d.day = g.day and d.send_id = g.send_id and d.app_id = g.app_id and d.provider = g.provider
          and d.state = 1 and d.next_attempt_at <= now() - case when g.only_aged then interval '24 hours'
                                                                else interval '0' end
          and (d.lease_until is null or d.lease_until < now())
          and (not g.only_aged
               or d.reason is null and coalesce(d.released_at, d.created_at) <= now() - interval '24 hours')
        order by d.next_attempt_at
        limit g.count
        for update of d skip locked
    ) w
    where not exists (select from installation where held_at is not null)
), claimed as (
    update delivery d
    set attempt = d.attempt + 1, lease_until = now() + :seconds * interval '1 second',
        may_be_sent = d.may_be_sent or d.lease_until is not null,
        released_at = case when d.reason is null then d.released_at else now() end, parked_at = null
    from due
    where d.day = due.day and d.app_id = due.app_id and d.send_id = due.send_id and d.device_id = due.device_id
    returning d.*
)
select c.day, c.app_id, c.send_id, c.device_id, c.account_id, c.push_id, c.provider, c.lang, c.country, c.platform,
       c.attempt, c.may_be_sent, c.created_at,
       case when send.open_until is null then send.expires_at
            else least(send.expires_at, coalesce(c.released_at, c.created_at) + interval '24 hours') end as expires_at,
       case when app.deleted_at is not null or not exists (select from app_credential k
                                                           where k.app_id = c.app_id and k.provider = c.provider)
            then 'cancelled' else send.state end as send_state,
       device.token,
       device.transport || coalesce(':' || case device.transport when 'apns' then device.apns_environment end, ''),
       device.token_hash,
       case when device.id is not null
            then jsonb_build_object('tags', device.tags, 'ext_id', device.ext_id, 'country', device.country,
                                    'lang', device.lang) end,
       c.code, send.open_until is not null as rolling, c.released_at, c.reason
from claimed c
join send on send.id = c.send_id
join app on app.id = c.app_id
left join device on device.app_id = c.app_id and device.id = c.device_id and device.active and device.token_state = 1

-- name: park
-- Messages that rules hold back are not due before their turn comes, however many of them there are.
update delivery d
set parked_at = d.next_attempt_at, next_attempt_at = 'infinity'
from unnest(:days::date[], :app_ids::bigint[], :send_ids::bigint[], :device_ids::bigint[])
     as u (day, app_id, send_id, device_id)
where d.day = u.day and d.app_id = u.app_id and d.send_id = u.send_id and d.device_id = u.device_id
  and d.state + 0 = 1 and d.reason is not null and d.next_attempt_at < 'infinity'

-- name: parked
-- Sends that have parked messages whose moment has come, by app and provider: as many of them as may be let go so that
-- no more than the limit is due at once. Nothing is told of what is held back anyway.
with turns as materialized (
    select g.day, g.send_id, g.app_id, g.provider, w.n
    from waiting_groups() g
    join send s on s.id = g.send_id and s.state = 'running'
    join account a on a.id = g.account_id and a.suspended_at is null
    join app on app.id = g.app_id and app.archived_at is null
    join app_credential c on c.app_id = g.app_id and c.provider = g.provider
                         and (c.paused_at is null or c.probe_at <= now())
    cross join lateral (
        select count(*) as n
        from (select from delivery p
              where p.day = g.day and p.send_id = g.send_id and p.app_id = g.app_id and p.provider = g.provider
                and p.parked_at <= now()
              limit :limit) p
    ) w
    where w.n > 0
      and not exists (select from installation where held_at is not null)
      and not exists (select from unnest(:blocked_apps::bigint[], :blocked_providers::text[]) as b (app_id, provider)
                      where b.app_id = g.app_id and b.provider = g.provider)
)
select t.send_id, t.app_id, t.provider, least(t.n, :limit - due.n) as n
from turns t
cross join lateral (
    select count(*) as n
    from (select from delivery d
          where d.day = t.day and d.send_id = t.send_id and d.app_id = t.app_id and d.provider = t.provider
            and d.state = 1 and d.next_attempt_at <= now() and d.lease_until is null
          limit :limit) d
) due
where due.n < :limit

-- name: unpark
-- It is the turn of so many messages, those that wait the longest.
update delivery d
set next_attempt_at = now(), parked_at = null, reason = case when :paced::boolean then 'pacing' else d.reason end
from (select p.day, p.app_id, p.send_id, p.device_id
      from send s join delivery p on p.day = s.day and p.send_id = s.id
      where s.id = :send_id and p.app_id = :app_id and p.provider = :provider and p.parked_at <= now()
      order by p.parked_at
      limit :limit
      for update of p skip locked) as waiting
where d.day = waiting.day and d.app_id = waiting.app_id and d.send_id = waiting.send_id
  and d.device_id = waiting.device_id

-- name: drop_tokens
-- Mark tokens invalid, by compare-and-set: only where the device still has exactly the token that was sent, and did not
-- register it after the moment since which it is dead. The code of a guarded drop is kept beside it, so that the mass
-- guard can take the drop back.
update device d
set token_state = 2, token_reason = u.code, token_state_at = now(), updated_at = now(),
    suspect_code = case when u.guarded then u.code end, suspect_at = case when u.guarded then now() end
from unnest(:app_ids::bigint[], :hashes::bytea[], :codes::text[], :guarded::boolean[], :sinces::timestamptz[])
     as u (app_id, token_hash, code, guarded, since)
where d.app_id = u.app_id and d.token_hash = u.token_hash and d.active and d.token_state = 1
  and (u.since is null or d.token_at is null or d.token_at <= u.since)
returning d.account_id, d.app_id, d.id, d.ext_id, d.transport, d.token_reason

-- name: remember_environments
-- Keep the environment that took a device's token; a later token of another environment corrects it.
update device d set apns_environment = u.environment
from unnest(:app_ids::bigint[], :hashes::bytea[], :environments::text[]) as u (app_id, token_hash, environment)
where d.app_id = u.app_id and d.token_hash = u.token_hash and d.active and d.token_state = 1
  and d.apns_environment is distinct from u.environment

-- name: suspect_tokens
-- Guarded drops that the mass guard holds back: the token stays in use.
update device d set suspect_code = u.code, suspect_at = now()
from unnest(:app_ids::bigint[], :hashes::bytea[], :codes::text[]) as u (app_id, token_hash, code)
where d.app_id = u.app_id and d.token_hash = u.token_hash and d.active and d.token_state = 1

-- name: count_in_minute
-- Answers for the look-back of the mass guard.
insert into credential_minute (app_id, provider, minute, results, guarded)
select app_id, provider, date_trunc('minute', now()), sum(results), sum(guarded)
from unnest(:result_apps::bigint[], :result_providers::text[], :results::int[], :guardeds::int[])
     as u (app_id, provider, results, guarded)
group by app_id, provider
order by app_id, provider
on conflict (app_id, provider, minute)
do update set results = credential_minute.results + excluded.results,
              guarded = credential_minute.guarded + excluded.guarded

-- name: count_of_credential
-- Answers for the credential's total, unless it was replaced meanwhile: answers to the old one prove nothing about the
-- new.
update app_credential c set results = c.results + u.results
from (select k.app_id, k.provider, given.results
      from unnest(:result_apps::bigint[], :result_providers::text[], :result_versions::int[], :results::int[])
           as given (app_id, provider, version, results)
      join app_credential k on k.app_id = given.app_id and k.provider = given.provider and k.version = given.version
      order by k.app_id, k.provider
      for no key update of k) as u
where c.app_id = u.app_id and c.provider = u.provider

-- name: window_counts
-- What the mass guard looks at: the last ten minutes, and the time since the credential was made or replaced.
select coalesce(sum(m.results), 0)::bigint as results, coalesce(sum(m.guarded), 0)::bigint as guarded,
       c.results as seen, c.guard_tripped_at is not null as tripped
from app_credential c
left join credential_minute m on m.app_id = c.app_id and m.provider = c.provider
                             and m.minute > greatest(now() - interval '10 minutes', c.updated_at - interval '1 minute')
where c.app_id = :app_id and c.provider = :provider
group by c.app_id, c.provider

-- name: trip_guard
update app_credential set guard_tripped_at = now(), guard_code = :code
where app_id = :app_id and provider = :provider and guard_tripped_at is null

-- name: restore_tokens
-- Take back what guarded codes invalidated within the window, unless another device owns the token by now.
update device d set token_state = 1, token_reason = null, token_state_at = now(), updated_at = now()
from (select distinct on (v.token_hash) v.id
      from device v
      where v.app_id = :app_id and v.suspect_at > now() - interval '10 minutes' and v.token_state = 2
        and v.transport = any(:transports::text[]) and v.active
        and not exists (select from device o where o.app_id = v.app_id and o.token_hash = v.token_hash and o.active
                                               and o.token_state = 1)
      order by v.token_hash, v.token_at desc nulls last) as dropped
where d.app_id = :app_id and d.id = dropped.id

-- name: requeue_guarded
-- Let deliveries that failed by guarded codes within the window wait again; returns what was counted for them.
with failed as (
    select d.day, d.app_id, d.send_id, d.device_id, d.settled_at
    from delivery d join device v on v.app_id = d.app_id and v.id = d.device_id
    where d.day >= (now() - interval '1 day')::date and d.app_id = :app_id and d.provider = :provider
      and d.state = 3 and d.reason = 'token' and d.settled_at > now() - interval '10 minutes'
      and v.suspect_at is not null and v.suspect_code = d.code
    for update of d
)
update delivery d
set state = 1, reason = null, settled_at = null, next_attempt_at = now(), lease_until = null
from failed f
where d.day = f.day and d.app_id = f.app_id and d.send_id = f.send_id and d.device_id = f.device_id
returning d.account_id, d.app_id, d.send_id, d.push_id, d.country, d.lang, d.platform,
          date_trunc('hour', f.settled_at) as hour, 'failed:token' as outcome

-- name: pause_credential
-- Nothing is sent with this credential until its owner acts or a probe succeeds.
update app_credential
set paused_at = now(), pause_reason = :reason, probe_at = now() + interval '15 minutes'
where app_id = :app_id and provider = :provider and version = :version and paused_at is null
returning account_id, app_id, provider, pause_reason

-- name: pause_by_guard
update app_credential
set paused_at = now(), pause_reason = :reason, probe_at = now() + interval '15 minutes'
where app_id = :app_id and provider = :provider and paused_at is null
returning account_id, app_id, provider, pause_reason

-- name: probe_failed
update app_credential set probe_at = now() + interval '15 minutes', pause_reason = :reason
where app_id = :app_id and provider = :provider and version = :version and paused_at is not null

-- name: resume_credential
update app_credential set paused_at = null, pause_reason = null, probe_at = null
where app_id = :app_id and provider = :provider and version = :version and paused_at is not null

-- name: note_unknown
-- Answers that no table explains, and the last of them.
update app_credential
set unknown_answers = unknown_answers + :count, unknown_text = :text, unknown_at = now()
where app_id = :app_id and provider = :provider and version = :version

-- name: note_hindrance
-- A worker sends nothing for so long although the credential is in use; the longest wait of all workers stays.
update app_credential
set blocked_until = now() + :seconds * interval '1 second', block_reason = :reason
where app_id = :app_id and provider = :provider and version = :version
  and (blocked_until is null or blocked_until < now() + :seconds * interval '1 second')

-- name: credential_state
select version, paused_at is not null as paused, results,
       case when paused_at is null then 0
            else greatest(0, extract(epoch from probe_at - clock_timestamp())) end::float8 as rests_for
from app_credential where app_id = :app_id and provider = :provider

-- name: hasten_cancelled
-- Let what waits in cancelled sends be due now.
update delivery d set next_attempt_at = now(), parked_at = null
from (select w.day, w.app_id, w.send_id, w.device_id
      from send s join delivery w on w.send_id = s.id and w.day = s.day and w.state = 1
      where s.state = 'cancelled' and s.finished_at > now() - interval '1 day' and w.next_attempt_at > now()
      limit 5000
      for update of w skip locked) as waiting
where d.day = waiting.day and d.app_id = waiting.app_id and d.send_id = waiting.send_id
  and d.device_id = waiting.device_id
