-- name: create
-- A new audience group.
insert into audience_group (account_id, name, audiences) values (:account_id, :name, :audiences::text[]) returning id;

-- name: groups
-- An account's groups, archived or not.
select id, name, audiences, archived_at is not null as archived
from audience_group
where account_id = :account_id and (archived_at is not null) = :archived
order by id
limit :limit;

-- name: group
-- One group.
select id, name, audiences, archived_at is not null as archived
from audience_group
where account_id = :account_id and id = :group_id;

-- name: lock
-- A group that is about to change.
select archived_at is not null as archived
from audience_group
where account_id = :account_id and id = :group_id
for update;

-- name: update
-- New name and audiences.
update audience_group set name = :name, audiences = :audiences::text[]
where account_id = :account_id and id = :group_id;

-- name: set_archived
-- Let a group contribute no audiences, or contribute them again.
update audience_group set archived_at = case when :archived then now() end
where account_id = :account_id and id = :group_id;

-- name: leave_schedulers
-- Take a group out of all schedulers.
update scheduler set filter = without_audience_group(filter, :group_id), updated_at = now()
where account_id = :account_id
  and (filter -> 'audience_groups_include' @> to_jsonb(:group_id::bigint)
       or filter -> 'audience_groups_exclude' @> to_jsonb(:group_id::bigint));

-- name: leave_saved_filters
-- Take a group out of all saved filters.
update saved_filter set filter = without_audience_group(filter, :group_id), updated_at = now()
where account_id = :account_id
  and (filter -> 'audience_groups_include' @> to_jsonb(:group_id::bigint)
       or filter -> 'audience_groups_exclude' @> to_jsonb(:group_id::bigint));

-- name: delete
-- The group itself.
delete from audience_group where account_id = :account_id and id = :group_id;
