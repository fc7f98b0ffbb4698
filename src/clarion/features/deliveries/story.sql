-- name: device
-- One device of the account, wherever it is registered; tokens and their owners are not joined.
select d.app_id, d.id, d.ext_id, d.active, d.transport, d.token, d.token_hash, d.token_state, d.token_reason,
       d.token_at, d.token_state_at, d.suspect_code, d.suspect_at, d.apns_environment, d.platform, d.platform_name,
       d.agent, d.country, d.lang, d.lang_tag, d.tz_name, d.tz_sec, d.tags, d.audiences, d.onscreen_count, d.onscreen_sec,
       d.notif_perm_granted, d.created_at, d.updated_at, d.last_seen_at, d.ic_token_hash,
       a.archived_at is not null as app_archived
from app a
join device d on d.app_id = a.id and d.id = :device_id and d.account_id = :account_id
where a.account_id = :account_id and a.deleted_at is null
order by a.id
limit 1

-- name: registrations
-- Every device that the same installation has become: one for each external id it was logged in with.
select d.app_id, d.id, d.ext_id, d.active, d.created_at, d.last_seen_at
from device d
where d.account_id = :account_id and d.ic_token_hash = :ic_token_hash
order by d.last_seen_at desc, d.id
limit :limit

-- name: events
-- The newest events of one device with their codes; codes that were deleted are told too.
select e.at, e.number, coalesce(v.code, '') as code, v.deleted_at is not null as code_deleted
from device_event e
left join event_definition v on v.account_id = :account_id and v.bit = e.bit
where e.app_id = :app_id and e.device_id = :device_id
order by e.at desc, e.bit
limit :limit

-- name: missed
-- The newest sends that may have no delivery for a device, with how far they came with its share. Auto-push is left out:
-- its sends are for those alone whom an event brought in. So are tests for other devices, and the other parts of an
-- occurrence that the device had its message of.
select s.id, s.scheduler_id, s.state, s.pause_reason, s.cutoff_at, s.due_at, s.expires_at, c.name, c.filter,
       s.occurrence, s.zone_bucket, s.zones, s.zone_apps, s.device_ids, s.sample,
       exists (select from slice l where l.send_id = s.id and l.app_id = :app_id) as app_planned,
       (select l.state from slice l
        where l.send_id = s.id and l.app_id = :app_id and l.provider = :provider
          and :device_id between l.id_from and l.id_to
        limit 1) as slice_state
from send s
join scheduler c on c.account_id = s.account_id and c.id = s.scheduler_id
where s.account_id = :account_id and s.id = any(:send_ids::bigint[]) and s.open_until is null
  and (s.device_ids is null or :device_id = any(s.device_ids))
  and not exists (select from send o where o.id = any(:reached::bigint[]) and o.scheduler_id = s.scheduler_id
                                      and o.occurrence = s.occurrence)
order by s.id desc
limit :limit

-- name: upcoming
-- Auto-push messages that wait for a device, the next one first.
select t.scheduler_id, s.name, coalesce(v.code, '') as code, t.number, t.due_at, t.awaits_token,
       s.state = 'paused' as paused
from trigger t
join scheduler s on s.account_id = t.account_id and s.id = t.scheduler_id and s.state in ('active', 'paused')
left join event_definition v on v.account_id = t.account_id and v.bit = t.bit
where t.account_id = :account_id and t.app_id = :app_id and t.device_id = :device_id
order by t.due_at, t.scheduler_id
limit :limit

-- name: credential
-- Whether and why the credential that serves a device is paused.
select case when paused_at is not null then coalesce(pause_reason, '') end as pause_reason
from app_credential
where account_id = :account_id and app_id = :app_id and provider = :provider

-- name: which_hold
-- Which of the conditions of a filter one device meets.
select {conditions} as met from device d
where d.account_id = :account_id and d.app_id = :app_id and d.id = :device_id
