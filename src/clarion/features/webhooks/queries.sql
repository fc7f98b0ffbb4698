-- name: lock_account
-- Let one call at a time change how many webhooks an account has.
select from account where id = :account_id for no key update;

-- name: count
select count(*) from webhook where account_id = :account_id;

-- name: next_id
-- The id of the next webhook: its secret is sealed for it before the row is made.
select nextval(pg_get_serial_sequence('webhook', 'id'));

-- name: create
insert into webhook (id, account_id, url, description, events, active, secret)
values (:id, :account_id, :url, :description, :events, :active, :secret);

-- name: webhooks
-- The account's webhooks, or the one with this id, in the order of their creation.
select w.id, w.url, w.description, w.events, w.active, w.created_at, w.updated_at, w.failing_since, w.disabled_at,
       case when w.old_secret_until > now() then w.old_secret_until end as old_secret_until, w.dropped,
       (select count(*) from webhook_message m where m.webhook_id = w.id and m.state = 1) as waiting
from webhook w
where w.account_id = :account_id and (:webhook_id::bigint is null or w.id = :webhook_id)
order by w.id;

-- name: lock
-- One webhook, locked until the end of the transaction.
select id, url, description, events, active, secret from webhook
where account_id = :account_id and id = :webhook_id
for update;

-- name: update
-- New base data. Where it becomes active or gets another address, what was known of its failures is void, and what waits
-- is due.
with due as (
    update webhook_message m set next_attempt_at = now()
    where m.webhook_id = :webhook_id and m.account_id = :account_id and m.state = 1 and :anew
)
update webhook
set url = :url, description = :description, events = :events, active = :active, updated_at = now(),
    failing_since = case when :anew then null else failing_since end,
    disabled_at = case when :active then null else disabled_at end
where account_id = :account_id and id = :webhook_id;

-- name: rotate
-- A new secret; the present one goes on signing for a while.
update webhook
set old_secret = secret, old_secret_until = now() + :seconds * interval '1 second', secret = :secret, updated_at = now()
where account_id = :account_id and id = :webhook_id;

-- name: delete
delete from webhook where account_id = :account_id and id = :webhook_id;

-- name: ping
-- A message that tests a webhook, active or not.
insert into webhook_message (webhook_id, account_id, type, object, body)
select id, account_id, 'ping', 'webhook:' || id, jsonb_build_object('webhook_id', id)
from webhook where account_id = :account_id and id = :webhook_id
returning id;

-- name: messages
-- A webhook's messages, newest first, of one state and type or of all.
select m.id, m.event_id, m.type, m.object, m.body as data, m.state, m.attempt as attempts, m.created_at,
       case when m.state = 1 then m.next_attempt_at end as next_attempt_at, m.settled_at,
       m.last_at, m.last_status, m.last_error, m.last_ms
from webhook_message m
where m.account_id = :account_id and m.webhook_id = :webhook_id and m.id < :before
  and (:state::smallint is null or m.state = :state) and (:type::text is null or m.type = :type)
order by m.id desc
limit :limit;

-- name: repeat
-- Queue settled messages once more, in their order: the named ones, or those of a state. The event's id stays.
insert into webhook_message (webhook_id, account_id, event_id, type, object, body)
select webhook_id, account_id, event_id, type, object, body
from webhook_message
where account_id = :account_id and webhook_id = :webhook_id and state <> 1
  and (id = any(:ids::bigint[]) or state = :state::smallint and settled_at > now() - interval '7 days')
order by id
limit :limit;
