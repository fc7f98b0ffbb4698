-- name: number
-- How many saved filters an account has.
select count(*) from saved_filter where account_id = :account_id;

-- name: create
-- A new saved filter.
insert into saved_filter (account_id, name, filter) values (:account_id, :name, :filter) returning id;

-- name: filters
-- An account's saved filters by name.
select id, name, filter, created_at, updated_at from saved_filter where account_id = :account_id order by name, id;

-- name: filter
-- One saved filter.
select id, name, filter, created_at, updated_at from saved_filter where account_id = :account_id and id = :filter_id;

-- name: update
-- A new name and filter.
update saved_filter set name = :name, filter = :filter, updated_at = now()
where account_id = :account_id and id = :filter_id;

-- name: delete
-- The saved filter itself.
delete from saved_filter where account_id = :account_id and id = :filter_id;
