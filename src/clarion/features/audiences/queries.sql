-- name: known_apps
-- Which of the listed apps the account has, archived or not.
select id from app where account_id = :account_id and id = any(:ids::bigint[]) and deleted_at is null;

-- name: known_groups
-- Which of the listed app groups the account has, archived or not.
select id from app_group where account_id = :account_id and id = any(:ids::bigint[]);

-- name: known_audience_groups
-- Which of the listed audience groups the account has, archived or not.
select id from audience_group where account_id = :account_id and id = any(:ids::bigint[]);

-- name: members
-- The audiences of those of the listed groups that are not archived.
select id, audiences from audience_group
where account_id = :account_id and id = any(:ids::bigint[]) and archived_at is null;

-- name: effective_apps
-- Active apps of a filter: (all or listed or in a listed group) without those excluded by id or group.
with listed_group as (
    select g.id, g.all_apps, g.id = any(:groups_exclude::bigint[]) as excluded
    from app_group g
    where g.account_id = :account_id and g.archived_at is null
      and g.id = any(:groups_include::bigint[] || :groups_exclude::bigint[])
), listed_app as (
    select unnest(:apps_include::bigint[]) as app_id, false as excluded
    union all
    select unnest(:apps_exclude::bigint[]), true
    union all
    select m.app_id, g.excluded
    from listed_group g join app_group_member m on m.group_id = g.id and m.account_id = :account_id
    where not g.all_apps
)
select a.id from app a
where a.account_id = :account_id and a.archived_at is null and a.deleted_at is null
  and (:all_apps or exists (select from listed_group where all_apps and not excluded)
       or a.id in (select app_id from listed_app where not excluded))
  and not exists (select from listed_group where all_apps and excluded)
  and a.id not in (select app_id from listed_app where excluded)
order by a.id;
