-- name: insert_push
-- A new push, active and bound to nothing.
insert into push (account_id, default_lang, options) values (:account_id, :default_lang, :options) returning id;

-- name: save_translations
-- Write all languages of a push; a language it already has keeps its id.
insert into push_translation (push_id, language, title, text, image, icon, link)
select p.id, t.language, t.title, t.text, t.image, t.icon, t.link
from push p,
     unnest(:languages::text[], :titles::text[], :texts::text[], :images::text[], :icons::text[], :links::text[])
         with ordinality as t (language, title, text, image, icon, link, place)
where p.account_id = :account_id and p.id = :push_id
order by t.place
on conflict (push_id, language) do update
set title = excluded.title, text = excluded.text, image = excluded.image, icon = excluded.icon, link = excluded.link
returning id, language;

-- name: drop_translations
-- Remove the languages of a push that are not listed.
delete from push_translation t using push p
where p.account_id = :account_id and p.id = :push_id and t.push_id = p.id and t.language <> all(:languages::text[]);

-- name: update_push
-- Change what a push has besides its translations; also locks it.
update push set default_lang = :default_lang, options = :options, updated_at = now()
where account_id = :account_id and id = :push_id and deleted_at is null
returning id;

-- name: delete_push
-- Unbind a push and mark it deleted.
update push
set deleted_at = now(), active = false, scheduler_id = null, scheduler_position = null, updated_at = now()
where account_id = :account_id and id = :push_id and deleted_at is null
returning id;

-- name: lock_active
-- Whether a push is active, locked until the end of the transaction.
select active from push where account_id = :account_id and id = :push_id and deleted_at is null for update;

-- name: set_active
-- Make a push active or inactive.
update push set active = :active, updated_at = now() where account_id = :account_id and id = :push_id;

-- name: get_push
-- One push with the scheduler it is bound to.
select p.id, p.default_lang, p.active, p.options, s.id as scheduler_id, s.type as scheduler_type
from push p
left join scheduler s on s.account_id = p.account_id and s.id = p.scheduler_id
where p.account_id = :account_id and p.id = :push_id and p.deleted_at is null;

-- name: page
-- Some pushes of an account, newest first, with the words of their default language; or only those bound to nothing.
select p.id, t.title, t.text, p.active, s.id as scheduler_id, s.name as scheduler_name,
       array(select o.language from push_translation o where o.push_id = p.id
             order by o.language <> p.default_lang, o.id) as languages
from push p
join push_translation t on t.push_id = p.id and t.language = p.default_lang
left join scheduler s on s.account_id = p.account_id and s.id = p.scheduler_id
where p.account_id = :account_id and p.deleted_at is null and p.id < :before
  and (not :free or p.scheduler_id is null)
order by p.id desc
limit :limit;

-- name: translations
-- The languages of one push in the order they were added.
select t.id, t.language, t.title, t.text, t.image, t.icon, t.link
from push_translation t
join push p on p.id = t.push_id
where p.account_id = :account_id and p.id = :push_id
order by t.id;

-- name: lock_pushes
-- The listed pushes of an account, locked in one order so that two calls cannot wait for each other.
select id, scheduler_id from push
where account_id = :account_id and id = any(:push_ids::bigint[]) and deleted_at is null
order by id
for update;

-- name: unbind_others
-- Free the pushes of a scheduler that are not listed.
update push set scheduler_id = null, scheduler_position = null, updated_at = now()
where account_id = :account_id and scheduler_id = :scheduler_id and id <> all(:push_ids::bigint[]);

-- name: bind
-- Bind the listed pushes to a scheduler, in this order.
update push p set scheduler_id = :scheduler_id, scheduler_position = t.place::integer, updated_at = now()
from unnest(:push_ids::bigint[]) with ordinality as t (id, place)
where p.account_id = :account_id and p.id = t.id;

-- name: bound
-- The pushes of the listed schedulers, each scheduler's in their order.
select id, scheduler_id, active from push
where account_id = :account_id and scheduler_id = any(:scheduler_ids::bigint[]) and deleted_at is null
order by scheduler_id, scheduler_position, id;

-- name: titles
-- The titles of pushes in their default languages.
select p.id, coalesce(own.title, '') as title
from push p
left join push_translation own on own.push_id = p.id and own.language = p.default_lang
where p.account_id = :account_id and p.id = any(:push_ids::bigint[]);

-- name: load
-- Everything that dispatch needs to render the listed pushes (system side).
select p.id, p.default_lang, p.active, p.options, t.language, t.title, t.text, t.image, t.icon, t.link
from push p
join push_translation t on t.push_id = p.id
where p.id = any(:push_ids::bigint[]);
