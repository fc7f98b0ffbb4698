-- name: create
-- A new app with the public half of its VAPID pair.
insert into app (account_id, push_provider, name, link, vapid_public)
values (:account_id, :push_provider, :name, :link, :vapid_public)
returning id

-- name: apps
-- An account's apps with their groups and the providers they have credentials for; all of them, or one.
with of_all as (
    select id, name from app_group where account_id = :account_id and all_apps
)
select a.id, a.push_provider, a.name, a.link, a.archived_at is not null as archived, g.groups, c.providers
from app a
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('id', x.id, 'name', x.name) order by x.id), '[]') as groups
    from (
        select m.id, m.name
        from app_group_member member
        join app_group m on m.account_id = :account_id and m.id = member.group_id and not m.all_apps
        where member.account_id = :account_id and member.app_id = a.id
        union all
        select id, name from of_all where a.archived_at is null
    ) x
) g
cross join lateral (
    select coalesce(array_agg(provider), '{}') as providers
    from app_credential
    where account_id = :account_id and app_id = a.id
) c
where a.account_id = :account_id and a.deleted_at is null
  and (:app_id::bigint is null or a.id = :app_id)
  and (:archived::boolean is null or (a.archived_at is not null) = :archived)
order by a.id
limit :limit

-- name: lock
-- An app that is about to change.
select id, push_provider, name, link, archived_at is not null as archived
from app
where account_id = :account_id and id = :app_id and deleted_at is null
for update

-- name: update
-- New base data.
update app set name = :name, link = :link where account_id = :account_id and id = :app_id

-- name: set_archived
-- Stop sending to the app, or go on.
update app
set archived_at = case when :archived then now() end
where account_id = :account_id and id = :app_id

-- name: set_provider
-- Which of its providers an app names as the main one.
update app set push_provider = :push_provider where account_id = :account_id and id = :app_id

-- name: delete
-- An app is only marked: devices and history refer to it.
update app set deleted_at = now() where account_id = :account_id and id = :app_id

-- name: delete_credentials
-- A deleted app keeps no secrets.
delete from app_credential where account_id = :account_id and app_id = :app_id

-- name: leave_groups
-- Take an app out of all groups.
delete from app_group_member where account_id = :account_id and app_id = :app_id

-- name: drop_app_from_filters
-- Take an app out of all schedulers.
update scheduler
set filter = filter || jsonb_strip_nulls(jsonb_build_object(
        'app_ids_include', case when filter -> 'app_ids_include' @> to_jsonb(:app_id::bigint) then (
            select coalesce(jsonb_agg(e.value), '[]') from jsonb_array_elements(filter -> 'app_ids_include') as e
            where e.value <> to_jsonb(:app_id::bigint)) end,
        'app_ids_exclude', case when filter -> 'app_ids_exclude' @> to_jsonb(:app_id::bigint) then (
            select coalesce(jsonb_agg(e.value), '[]') from jsonb_array_elements(filter -> 'app_ids_exclude') as e
            where e.value <> to_jsonb(:app_id::bigint)) end)),
    updated_at = now()
where account_id = :account_id
  and (filter -> 'app_ids_include' @> to_jsonb(:app_id::bigint)
       or filter -> 'app_ids_exclude' @> to_jsonb(:app_id::bigint))

-- name: put_credential
-- Store a credential; a replaced one starts anew: not paused, nothing counted.
insert into app_credential (app_id, provider, account_id, sealed, fingerprint, label, expires_at)
values (:app_id, :provider, :account_id, :sealed, :fingerprint, :label, :expires_at)
on conflict (app_id, provider) do update
set sealed = excluded.sealed, fingerprint = excluded.fingerprint, label = excluded.label,
    expires_at = excluded.expires_at, version = app_credential.version + 1, updated_at = now(), results = 0,
    paused_at = null, pause_reason = null, probe_at = null, guard_tripped_at = null, guard_code = null,
    blocked_until = null, block_reason = null, unknown_answers = 0, unknown_text = null, unknown_at = null

-- name: has_credential
-- Whether an app has a credential for a provider.
select exists (
    select from app_credential where account_id = :account_id and app_id = :app_id and provider = :provider
)

-- name: credential
-- For dispatch: one credential of an app that has not been deleted.
select c.account_id, c.sealed, c.fingerprint, c.version
from app_credential c
join app a on a.account_id = c.account_id and a.id = c.app_id and a.deleted_at is null
where c.app_id = :app_id and c.provider = :provider

-- name: providers_of
-- Which providers each of the apps has credentials for.
select app_id, array_agg(provider order by provider) as providers
from app_credential
where account_id = :account_id and app_id = any(:app_ids::bigint[])
group by app_id

-- name: vapid
-- The public half of an app's VAPID pair.
select vapid_public from app where account_id = :account_id and id = :app_id and deleted_at is null

-- name: existing_apps
-- Which of the listed apps the account has; they stay until the end of the transaction.
select id
from app
where account_id = :account_id and id = any(:app_ids::bigint[]) and deleted_at is null
order by id
for share

-- name: create_group
-- A new app group.
insert into app_group (account_id, name, all_apps) values (:account_id, :name, :all_apps) returning id

-- name: add_members
-- Put apps into a group.
insert into app_group_member (group_id, app_id, account_id)
select :group_id, app_id, :account_id from unnest(:app_ids::bigint[]) as app_id

-- name: remove_members
-- Empty a group.
delete from app_group_member where account_id = :account_id and group_id = :group_id

-- name: groups
-- An account's groups with their apps: the members, or all active apps; all groups, or one.
with active as (
    select array_agg(id order by id) as ids
    from app
    where account_id = :account_id and archived_at is null and deleted_at is null
)
select g.id, g.name, g.all_apps, g.archived_at is not null as archived,
       coalesce(
           case when g.all_apps then (select ids from active) else (
               select array_agg(m.app_id order by m.app_id)
               from app_group_member m
               where m.account_id = :account_id and m.group_id = g.id) end,
           '{}') as app_ids
from app_group g
where g.account_id = :account_id
  and (:group_id::bigint is null or g.id = :group_id)
  and (:archived::boolean is null or (g.archived_at is not null) = :archived)
order by g.id
limit :limit

-- name: lock_group
-- A group that is about to change.
select id, archived_at is not null as archived
from app_group
where account_id = :account_id and id = :group_id
for update

-- name: update_group
-- New base data.
update app_group set name = :name, all_apps = :all_apps where account_id = :account_id and id = :group_id

-- name: set_group_archived
-- Let a group contribute no apps, or contribute them again.
update app_group
set archived_at = case when :archived then now() end
where account_id = :account_id and id = :group_id

-- name: delete_group
-- Members leave with it.
delete from app_group where account_id = :account_id and id = :group_id

-- name: drop_group_from_filters
-- Take a group out of all schedulers.
update scheduler
set filter = filter || jsonb_strip_nulls(jsonb_build_object(
        'app_groups_include', case when filter -> 'app_groups_include' @> to_jsonb(:group_id::bigint) then (
            select coalesce(jsonb_agg(e.value), '[]') from jsonb_array_elements(filter -> 'app_groups_include') as e
            where e.value <> to_jsonb(:group_id::bigint)) end,
        'app_groups_exclude', case when filter -> 'app_groups_exclude' @> to_jsonb(:group_id::bigint) then (
            select coalesce(jsonb_agg(e.value), '[]') from jsonb_array_elements(filter -> 'app_groups_exclude') as e
            where e.value <> to_jsonb(:group_id::bigint)) end)),
    updated_at = now()
where account_id = :account_id
  and (filter -> 'app_groups_include' @> to_jsonb(:group_id::bigint)
       or filter -> 'app_groups_exclude' @> to_jsonb(:group_id::bigint))
