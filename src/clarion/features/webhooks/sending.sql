-- name: claim
-- Lease messages that are due: of each object only the first that waits, of each webhook no more than it may have under
-- way (one while it fails), of each account only some; webhooks that work come before those that fail. Only the
-- first messages of a webhook are looked at, so that a long queue costs no more than a short one.
with open as (
    select w.id, w.account_id, w.failing_since,
           case when w.failing_since is null then :parallel::int else 1 end
           - (select count(*) from webhook_message l
              where l.webhook_id = w.id and l.state = 1 and l.lease_until is not null
                and l.lease_until >= now()) as room
    from webhook w
    join account a on a.id = w.account_id and a.suspended_at is null
    where exists (select from webhook_message m
                  where m.webhook_id = w.id and m.state = 1 and m.next_attempt_at <= now()
                    and (w.active or m.type = 'ping'))
      and not exists (select from installation where held_at is not null)
), head as materialized (
    select m.id, o.failing_since, row_number() over (partition by o.account_id order by m.id) as turn
    from open o
    cross join lateral (
        select d.id
        from (select m.id, m.object, m.lease_until, m.type from webhook_message m
              where m.webhook_id = o.id and m.state = 1 and m.next_attempt_at <= now()
              order by m.next_attempt_at, m.id
              limit 200) as d
        join webhook w on w.id = o.id and (w.active or d.type = 'ping')
        where (d.lease_until is null or d.lease_until < now())
          and d.id = (select e.id from webhook_message e
                      where e.webhook_id = o.id and e.object = d.object and e.state = 1
                      order by e.id limit 1)
        order by d.id
        limit greatest(o.room, 0)) as m
), picked as (
    select m.id
    from webhook_message m
    where m.id = any(array(select h.id from head h where h.turn <= :per_account
                           order by h.failing_since is not null, h.turn, h.id limit :limit))
      and m.state = 1 and (m.lease_until is null or m.lease_until < now())
    for update of m skip locked
)
update webhook_message m
set attempt = m.attempt + 1, lease_until = now() + :seconds * interval '1 second', last_at = now()
from picked p, webhook w
where m.id = p.id and w.id = m.webhook_id
returning m.id, m.webhook_id, m.account_id, m.attempt, m.event_id, m.type, m.object, m.body as data, m.created_at,
          w.url, w.secret, case when w.old_secret_until > now() then w.old_secret end as old_secret;

-- name: settle
-- What came of an attempt; accepted only while it is the last one. Returns nothing for a lost lease.
update webhook_message
set state = :state, settled_at = case when :state::smallint = 1 then null else now() end, lease_until = null,
    next_attempt_at = coalesce(:next_at, next_attempt_at), last_status = :status, last_error = :error, last_ms = :ms
where id = :id and attempt = :attempt and state = 1
returning webhook_id;

-- name: works
-- A webhook took a message.
update webhook set failing_since = null where id = :webhook_id and failing_since is not null;

-- name: fails
-- A webhook took no message.
update webhook set failing_since = now() where id = :webhook_id and failing_since is null;

-- name: disable
-- Make an active webhook inactive that has failed for too long; its account and address.
update webhook set active = false, disabled_at = now(), updated_at = now()
where id = :webhook_id and active and failing_since < now() - :seconds * interval '1 second'
returning account_id;

-- name: step_back
-- What waits behind a message that is tried later need not be looked at before.
update webhook_message m set next_attempt_at = h.next_attempt_at
from (select d.id,
             (select e.next_attempt_at from webhook_message e
              where e.webhook_id = d.webhook_id and e.object = d.object and e.state = 1
              order by e.id limit 1) as next_attempt_at
      from webhook w
      cross join lateral (select m.id, m.webhook_id, m.object from webhook_message m
                          where m.webhook_id = w.id and m.state = 1 and m.next_attempt_at <= now()
                          order by m.next_attempt_at, m.id
                          limit 1000) as d
      where w.failing_since is not null) as h
where m.id = h.id and m.state = 1 and m.lease_until is null and h.next_attempt_at > now();

-- name: claim_tidying
-- Only one process tidies queues up at a time.
select pg_try_advisory_xact_lock(42, 9);

-- name: drop_overflow
-- End the oldest messages of queues that are too long, and count them.
with long as (
    select w.id, (select m.id from webhook_message m where m.webhook_id = w.id and m.state = 1
                  order by m.id desc offset :keep limit 1) as last
    from webhook w
    where (select count(*) from webhook_message m where m.webhook_id = w.id and m.state = 1) > :keep
), dropped as (
    update webhook_message m set state = 4, settled_at = now(), lease_until = null
    from long l
    where m.webhook_id = l.id and m.state = 1 and m.id <= l.last
    returning m.webhook_id
)
update webhook w set dropped = dropped + d.n
from (select webhook_id, count(*) as n from dropped group by webhook_id) as d
where w.id = d.webhook_id;

-- name: give_up
-- End messages that nobody took for too long.
update webhook_message m set state = 3, settled_at = now()
from webhook w
where m.webhook_id = w.id and m.state = 1 and m.created_at < now() - :seconds * interval '1 second'
  and (m.lease_until is null or m.lease_until < now());

-- name: forget
-- Some messages that ended more than a week ago.
delete from webhook_message
where id in (select id from webhook_message
             where state <> 1 and settled_at < now() - interval '7 days' order by settled_at limit :limit);
