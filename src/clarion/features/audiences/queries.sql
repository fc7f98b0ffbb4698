-- name: known_apps
-- Which of the listed apps the account has, archived or not.
select id from app where account_id = :account_id and id = any(:ids::bigint[]) and deleted_at is null;

-- name: known_groups
-- Which of the listed app groups the account has, archived or not.
select id from app_group where account_id = :account_id and id = any(:ids::bigint[]);

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

-- name: allow_detours
-- Let the planner sort and use bitmaps ('on') or not ('off'), until the end of the transaction.
select set_config('enable_sort', :state, true), set_config('enable_bitmapscan', :state, true),
       set_config('enable_seqscan', :state, true);

-- name: sample
-- Per app: how many of its first devices in id order were looked at, where they end, and how many of them match.
select a.app_id, count(*) as seen, max(d.id) as last_id, count(*) filter (where {conditions}) as matching
from unnest(:app_ids::bigint[]) as a (app_id)
cross join lateral (
    select * from device
    where account_id = :account_id and app_id = a.app_id
    order by id
    limit :size
) d
group by a.app_id;

-- name: count_few
-- Per app: devices in the audiences and how many of them match; stops one beyond :few. The additions of 0 keep the
-- planner from other indexes than that of the audiences, which it misjudges without fresh statistics.
with member as materialized (
    select * from device
    where account_id + 0 = :account_id and app_id + 0 = any(:app_ids::bigint[])
      and audiences <> '{}' and audiences && :audiences::text[]
    limit :few::bigint + 1
)
select d.app_id, count(*) as members, count(*) filter (where {conditions}) as matching
from member d
group by d.app_id;
