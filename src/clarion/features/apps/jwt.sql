-- name: offer
-- Store a token unless there is one that is neither too old nor from the future; either way the row is locked.
insert into apns_jwt as j (cache_key, sealed, issued_at)
values (:cache_key, :sealed, :issued_at)
on conflict (cache_key) do update
set sealed = excluded.sealed, issued_at = excluded.issued_at
where j.issued_at <= :after or j.issued_at > :latest

-- name: present
-- The token that everybody uses.
select sealed, issued_at from apns_jwt where cache_key = :cache_key
