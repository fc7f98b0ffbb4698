-- name: page
-- An account's audit entries before an id, newest first, narrowed by whatever is given.
select id, at, actor, action, object, detail
from audit_entry
where account_id = :account_id and id < :before
  and (:actor::text is null or actor = :actor)
  and (:action::text is null or action = :action or starts_with(action, :action || '.'))
  and (:object::text is null or object = :object)
  and (:begin::timestamptz is null or at >= :begin)
  and (:end::timestamptz is null or at < :end)
order by id desc
limit :limit
