-- name: of_schedulers
-- What has been counted of schedulers, without their tests, and how many of their sends are under way.
select s.scheduler_id, count(*) filter (where s.state in ('running', 'paused')) as open,
       count(*) as sends, max(s.due_at) as last_due_at,
       coalesce(sum(c.sent), 0)::bigint as sent, coalesce(sum(c.delivered), 0)::bigint as delivered,
       coalesce(sum(c.clicked), 0)::bigint as clicked
from send s
left join lateral (
    select sum(n) filter (where outcome = 'sent') as sent, sum(n) filter (where outcome = 'delivered') as delivered,
           sum(n) filter (where outcome = 'clicked') as clicked
    from stat_hour h
    where h.account_id = s.account_id and h.send_id = s.id
) c on true
where s.account_id = :account_id and s.scheduler_id = any(:scheduler_ids::bigint[])
  and s.zone_bucket is distinct from :test
group by s.scheduler_id;

-- name: outcomes
-- What has been counted of a scheduler, without its tests, by one dimension; `total` puts all together.
select case :dimension::text
           when 'language' then h.lang when 'country' then h.country when 'platform' then h.platform
           when 'app' then h.app_id::text when 'push' then h.push_id::text
           when 'hour' then extract(epoch from h.hour)::bigint::text else '' end as key,
       h.outcome, sum(h.n)::bigint as n
from send s
join stat_hour h on h.account_id = s.account_id and h.send_id = s.id
where s.account_id = :account_id and s.scheduler_id = :scheduler_id and s.zone_bucket is distinct from :test
group by 1, 2
order by 1, 2;

-- name: open_sends
-- How far the sends of a scheduler are that are under way, without its tests.
select count(*) as open, count(*) filter (where s.state = 'paused') as paused,
       coalesce(sum(p.total), 0)::bigint as slices_total, coalesce(sum(p.done), 0)::bigint as slices_done,
       coalesce(sum(s.estimate), 0)::bigint as estimate, max(s.pause_reason) as pause_reason
from send s
cross join lateral (
    select count(*) as total, count(*) filter (where l.state in ('done', 'cancelled')) as done
    from slice l where l.send_id = s.id
) p
where s.account_id = :account_id and s.scheduler_id = :scheduler_id and s.state in ('running', 'paused')
  and s.zone_bucket is distinct from :test;

-- name: under_way
-- Schedulers with sends that have not ended, without tests and auto-push, newest first, and how far they are.
select s.scheduler_id, r.name, max(s.due_at) as due_at, bool_or(s.state = 'paused') as paused,
       max(s.pause_reason) as pause_reason, coalesce(sum(p.total), 0)::bigint as slices_total,
       coalesce(sum(p.done), 0)::bigint as slices_done, coalesce(sum(s.estimate), 0)::bigint as estimate,
       coalesce(sum(c.sent), 0)::bigint as sent
from send s
join scheduler r on r.account_id = s.account_id and r.id = s.scheduler_id and r.type <> 'conversion'
cross join lateral (
    select count(*) as total, count(*) filter (where l.state in ('done', 'cancelled')) as done
    from slice l where l.send_id = s.id
) p
cross join lateral (
    select sum(n) as sent from stat_hour h
    where h.account_id = s.account_id and h.send_id = s.id and h.outcome = 'sent'
) c
where s.account_id = :account_id and s.state in ('running', 'paused') and s.zone_bucket is distinct from :test
group by s.scheduler_id, r.name
order by max(s.id) desc
limit :limit;
