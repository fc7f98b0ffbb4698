-- name: account_of_app
-- The account of an app that is not deleted; archived apps go on registering devices.
select account_id from app where id = :app_id and deleted_at is null

-- name: find_sessions
-- The devices of these sessions.
select v.n, d.id, d.active
from unnest(:app_ids::bigint[], :hashes::bytea[], :ext_ids::text[]) with ordinality as v (app_id, hash, ext_id, n)
join device d on d.app_id = v.app_id and d.ic_token_hash = v.hash and d.ext_id = v.ext_id

-- name: insert
-- Create devices; those whose session another call has created meanwhile are not returned.
insert into device (app_id, id, account_id, ic_token_hash, ic_token, ext_id, events)
select v.app_id, v.id, v.account_id, v.hash, v.sealed, v.ext_id, :events::bigint
from unnest(:app_ids::bigint[], :ids::bigint[], :account_ids::bigint[], :hashes::bytea[], :sealed::bytea[],
            :ext_ids::text[]) as v (app_id, id, account_id, hash, sealed, ext_id)
on conflict (app_id, ic_token_hash, ext_id) do nothing
returning app_id, id

-- name: reactivate
-- Wake deactivated devices; each owns its token again.
update device d
set active = true, updated_at = now(), last_seen_at = now(),
    token_state = case when d.token_state = 3 then 1 else d.token_state end,
    token_reason = case when d.token_state = 3 then null else d.token_reason end,
    token_state_at = case when d.token_state = 3 then now() else d.token_state_at end
from unnest(:app_ids::bigint[], :ids::bigint[]) as v (app_id, id)
where d.app_id = v.app_id and d.id = v.id and not d.active

-- name: lock
-- Lock devices in key order, with what decides about the owners of tokens and sessions.
select d.app_id, d.id, d.ext_id, d.active, d.token_hash, d.token_state
from unnest(:app_ids::bigint[], :ids::bigint[]) as v (app_id, id)
join device d on d.app_id = v.app_id and d.id = v.id
order by d.app_id, d.id
for no key update of d

-- name: queue_for_tokens
-- Let only one transaction at a time give these tokens to devices.
select pg_advisory_xact_lock(v.key) from unnest(:keys::bigint[]) as v (key)

-- name: supersede
-- Silence the other active devices of the app that hold these tokens: the given devices are their newer owners.
update device o
set token_state = 3, token_reason = :reason, token_state_at = now()
from unnest(:app_ids::bigint[], :ids::bigint[], :hashes::bytea[]) as v (app_id, id, hash)
where o.app_id = v.app_id and o.token_hash = v.hash and o.id <> v.id and o.active and o.token_state = 1

-- name: set_tokens
-- Give devices the tokens they told, and forget what was known about the tokens before.
update device d
set token = v.token, token_hash = v.hash, token_state = v.state, token_reason = v.reason, token_state_at = now(),
    token_at = case when d.token_hash is distinct from v.hash then now() else d.token_at end,
    suspect_code = null, suspect_at = null, updated_at = now()
from unnest(:app_ids::bigint[], :ids::bigint[], :tokens::text[], :hashes::bytea[], :states::smallint[],
            :reasons::text[]) as v (app_id, id, token, hash, state, reason)
where d.app_id = v.app_id and d.id = v.id

-- name: read_session
-- A device's session.
select ic_token_hash, ext_id from device where app_id = :app_id and id = :device_id

-- name: find_session_rival
-- Another device that has the session which a device is about to take.
select id from device where app_id = :app_id and ic_token_hash = :hash and ext_id = :ext_id and id <> :device_id

-- name: retire
-- Deactivate a device that loses its session, and give it the one that its successor leaves.
update device set active = false, ext_id = :ext_id, updated_at = now() where app_id = :app_id and id = :device_id

-- name: set_ext_id
-- Make an external id the device's session key.
update device set ext_id = :ext_id, updated_at = now() where app_id = :app_id and id = :device_id

-- name: write_info
-- Apply info calls to devices that keep their token and session; what would change nothing is not written, apart
-- from the last activity once a minute. A transport belongs to the token told with it. null = not told. What a device
-- tells about its zone right after it came is no move.
update device d
set transport = case when v.token_hash is null and d.token_hash is not null then d.transport else v.transport end,
    platform = v.platform,
    platform_name = coalesce(v.platform_name, d.platform_name),
    agent = coalesce(v.agent, nullif(d.agent, ''), 'plain_0.0.0'),
    country = coalesce(v.country, d.country),
    lang = coalesce(v.lang, d.lang),
    lang_tag = coalesce(v.lang_tag, d.lang_tag),
    tz_name = coalesce(v.tz_name, d.tz_name),
    tz_sec = coalesce(v.tz_sec, d.tz_sec),
    zone_at = case when d.created_at < now() - interval '10 minutes'
                        and device_zone(coalesce(v.tz_name, d.tz_name), coalesce(v.tz_sec, d.tz_sec))
                            <> device_zone(d.tz_name, d.tz_sec) then now() else d.zone_at end,
    tags = coalesce(v.tags::jsonb, d.tags),
    audiences = coalesce(v.audiences::text[], d.audiences),
    onscreen_count = coalesce(v.onscreen_count, d.onscreen_count),
    onscreen_sec = coalesce(v.onscreen_sec, d.onscreen_sec),
    onscreen_start_at = coalesce(to_timestamp(v.onscreen_start), d.onscreen_start_at),
    onscreen_stop_at = coalesce(to_timestamp(v.onscreen_stop), d.onscreen_stop_at),
    notif_perm_granted = coalesce(v.notif_perm_granted, d.notif_perm_granted),
    updated_at = now(),
    last_seen_at = now()
from unnest(:app_ids::text::bigint[], :ids::text::bigint[], :token_hashes::text::bytea[],
            :token_states::text::smallint[], :transports::text::text[], :platforms::text::text[],
            :ext_ids::text::text[], :platform_names::text::text[], :agents::text::text[], :countries::text::text[],
            :langs::text::text[], :lang_tags::text::text[], :tz_names::text::text[], :tz_secs::text::integer[],
            :tags::text::text[], :audiences::text::text[], :onscreen_counts::text::integer[],
            :onscreen_secs::text::bigint[], :onscreen_starts::text::bigint[], :onscreen_stops::text::bigint[],
            :permissions::text::boolean[])
     as v (app_id, id, token_hash, token_state, transport, platform, ext_id, platform_name, agent, country, lang,
           lang_tag, tz_name, tz_sec, tags, audiences, onscreen_count, onscreen_sec, onscreen_start, onscreen_stop,
           notif_perm_granted)
where d.app_id = v.app_id and d.id = v.id
  and (v.ext_id is null or v.ext_id = d.ext_id)
  and (v.token_hash is null
       or v.token_hash = d.token_hash and (d.token_state = v.token_state or d.token_state = 2
                                           or d.token_state = 3 and not d.active))
  and (d.last_seen_at < now() - interval '1 minute'
       or (case when v.token_hash is null and d.token_hash is not null then d.transport else v.transport end,
           v.platform,
           coalesce(v.platform_name, d.platform_name),
           coalesce(v.agent, nullif(d.agent, ''), 'plain_0.0.0'),
           coalesce(v.country, d.country),
           coalesce(v.lang, d.lang),
           coalesce(v.lang_tag, d.lang_tag),
           coalesce(v.tz_name, d.tz_name),
           coalesce(v.tz_sec, d.tz_sec),
           coalesce(v.tags::jsonb, d.tags),
           coalesce(v.audiences::text[], d.audiences),
           coalesce(v.onscreen_count, d.onscreen_count),
           coalesce(v.onscreen_sec, d.onscreen_sec),
           coalesce(to_timestamp(v.onscreen_start), d.onscreen_start_at),
           coalesce(to_timestamp(v.onscreen_stop), d.onscreen_stop_at),
           coalesce(v.notif_perm_granted, d.notif_perm_granted))
          is distinct from
          (d.transport, d.platform, d.platform_name, d.agent, d.country, d.lang, d.lang_tag, d.tz_name, d.tz_sec,
           d.tags, d.audiences, d.onscreen_count, d.onscreen_sec, d.onscreen_start_at, d.onscreen_stop_at,
           d.notif_perm_granted))

-- name: read_identities
-- The token and session of each device that exists: tells which info calls change one of them.
select d.app_id, d.id, d.ext_id, d.active, d.token_hash, d.token_state,
       d.updated_at > now() - interval '10 seconds' as fresh
from unnest(:app_ids::bigint[], :ids::bigint[]) as v (app_id, id)
join device d on d.app_id = v.app_id and d.id = v.id

-- name: touch
-- Note activity of devices, at most once a minute.
update device d set last_seen_at = now()
from unnest(:app_ids::bigint[], :ids::bigint[]) as v (app_id, id)
where d.app_id = v.app_id and d.id = v.id and d.last_seen_at < now() - interval '1 minute'

-- name: existing
-- Those of the given devices that exist.
select d.app_id, d.id
from unnest(:app_ids::bigint[], :ids::bigint[]) as v (app_id, id)
join device d on d.app_id = v.app_id and d.id = v.id

-- name: find_installations
-- The devices of installation tokens; of several sessions the active one that was updated last.
select distinct on (v.n) v.n, d.id
from unnest(:app_ids::bigint[], :hashes::bytea[]) with ordinality as v (app_id, hash, n)
join device d on d.app_id = v.app_id and d.ic_token_hash = v.hash
order by v.n, d.active desc, d.updated_at desc

-- name: match_installations
-- The devices that exist, and whether the installation token shown is theirs.
select v.n, d.ic_token_hash = v.hash as matches
from unnest(:app_ids::bigint[], :ids::bigint[], :hashes::bytea[]) with ordinality as v (app_id, id, hash, n)
join device d on d.app_id = v.app_id and d.id = v.id

-- name: deactivate
-- Deactivate devices whose installation token was shown.
update device d set active = false, updated_at = now()
from unnest(:app_ids::bigint[], :ids::bigint[], :hashes::bytea[]) as v (app_id, id, hash)
where d.app_id = v.app_id and d.id = v.id and d.ic_token_hash = v.hash and d.active

-- name: find_by_ext_id
-- An account's active devices of an external id.
select app_id, id from device
where account_id = :account_id and ext_id = :ext_id and ext_id <> '' and active
order by app_id, id
limit :limit

-- name: find_by_ic_token
-- An account's active devices of an installation token.
select app_id, id from device
where account_id = :account_id and ic_token_hash = :hash and active
order by app_id, id
limit :limit

-- name: find_by_id
-- An account's active device of an id on the wire.
select app_id, id from device
where account_id = :account_id and id = :device_id and active
  and app_id = any(array(select id from app where account_id = :account_id))

-- name: mark_events
-- Set the bits of events in devices, and hold the rows until the history is written.
update device d
set events = d.events | :low::bigint, events_high = d.events_high | :high::bigint
from unnest(:app_ids::bigint[], :ids::bigint[]) as v (app_id, id)
where d.app_id = v.app_id and d.id = v.id

-- name: note_postback
-- Remember a postback by its transaction id; no row if it was there already.
insert into postback_txid (account_id, txid_hash) values (:account_id, :hash)
on conflict do nothing
returning true

-- name: forget_postbacks
-- Drop transaction ids that no tracker repeats any more.
delete from postback_txid where noted_at < now() - :days * interval '1 day'

-- name: forget_unreachable
-- A device without a token costs one row, and that for 30 days of silence only.
delete from device d
using (select app_id, id from device where token_state = 0 and last_seen_at < now() - interval '30 days' limit 5000) old
where d.app_id = old.app_id and d.id = old.id
