-- name: take_attempt
-- Count an attempt unless the last one is too recent: after `free` attempts the wait doubles up to `longest` seconds.
-- No row means that it is refused, and how long the wait still is must be asked.
insert into sign_in_failure as f (subject, failures) values (:subject, 1)
on conflict (subject) do update
set failures = case when f.last_at < now() - interval '1 day' then 1 else f.failures + 1 end, last_at = now()
where f.last_at + make_interval(secs => case when f.failures < :free::integer then 0
          else least(:longest::float8, power(2, least(f.failures - :free::integer, 20))) end) <= now()
returning failures

-- name: wait
-- Seconds until the next attempt is allowed.
select ceil(extract(epoch from last_at - now()) + least(:longest::float8, power(2, least(greatest(failures - :free::integer, 0), 20))))::integer
from sign_in_failure
where subject = :subject

-- name: forgive
-- Attempts that were right do not count.
update sign_in_failure set failures = greatest(failures - 1, 0) where subject = any(:subjects::bytea[])

-- name: forget_subject
-- Start anew for one pair of person and network.
delete from sign_in_failure where subject = :subject

-- name: forget_old_attempts
-- What happened a day ago counts no longer; some at a time.
delete from sign_in_failure where subject in (
    select subject from sign_in_failure where last_at < now() - interval '1 day' limit 100
)
