-- name: slices
-- Open slices of running sends by provider: how many, and the age of the oldest one that somebody should be working on.
select s.provider,
       count(*) filter (where s.state = 'leased' and s.lease_until >= now()) as leased,
       count(*) filter (where s.state = 'ready' or s.lease_until < now()) as ready,
       coalesce(extract(epoch from now() - min(greatest(send.due_at, send.created_at)) filter (
           where (s.state = 'ready' or s.lease_until < now()) and c.paused_at is null and app.archived_at is null
                 and a.suspended_at is null and not held.back)), 0)::float8 as oldest
from slice s
join send on send.id = s.send_id and send.state = 'running'
join account a on a.id = s.account_id
join app on app.id = s.app_id and app.deleted_at is null
join app_credential c on c.app_id = s.app_id and c.provider = s.provider
cross join (select exists (select from installation where held_at is not null) as back) held
where s.state in ('ready', 'leased')
group by s.provider

-- name: triggers
-- Seconds since the moment of the auto-push message that waits longest although nothing holds it back.
select coalesce(extract(epoch from now() - min(first.due_at)), 0)::float8 as late
from scheduler s
join account a on a.id = s.account_id and a.suspended_at is null
cross join lateral (
    select t.due_at from trigger t
    where t.scheduler_id = s.id and not t.awaits_token and t.due_at <= now()
    order by t.due_at
    limit 1
) first
where s.type = 'conversion' and s.state = 'active'
  and not exists (select from installation where held_at is not null)

-- name: webhooks
-- Seconds since the moment of the webhook message that waits longest for a worker, and how many webhooks fail.
select coalesce(extract(epoch from now() - min(first.next_attempt_at)), 0)::float8 as late,
       count(*) filter (where w.failing_since is not null or w.disabled_at is not null) as failing
from webhook w
left join lateral (
    select m.next_attempt_at from webhook_message m
    where m.webhook_id = w.id and m.state = 1 and m.next_attempt_at <= now()
      and (m.lease_until is null or m.lease_until < now())
    order by m.next_attempt_at
    limit 1
) first on w.active

-- name: waiting
-- Deliveries whose next attempt is due and that nobody tries, by provider; counted up to a limit.
select provider, count(*) as n
from (select g.provider
      from waiting_groups() g
      cross join lateral (
          select from delivery d
          where d.day = g.day and d.send_id = g.send_id and d.app_id = g.app_id and d.provider = g.provider
            and d.state = 1 and d.next_attempt_at <= now() and (d.lease_until is null or d.lease_until < now())
      ) w
      where g.first_at <= now()
      limit :limit) as due
group by provider

-- name: credentials
-- Credentials that need their owners, by provider.
select c.provider, count(*) filter (where c.paused_at is not null) as paused,
       count(*) filter (where c.guard_tripped_at is not null) as tripped
from app_credential c
where c.paused_at is not null or c.guard_tripped_at is not null
group by c.provider

-- name: expiring
-- Certificates that run out within 30 days, or have run out, by provider.
select provider, count(*) as n from app_credential where expires_at < now() + interval '30 days' group by provider
