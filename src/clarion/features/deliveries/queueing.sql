-- name: enqueue
-- Waiting deliveries without an attempt, columns in the order of `Message`; a device has at most one in a send.
insert into delivery (day, account_id, app_id, send_id, device_id, push_id, provider, lang, country, platform,
                      token_hash, state, attempt, next_attempt_at)
select :day, :account_id, v.app_id, v.send_id, v.device_id, v.push_id, v.provider, v.lang, v.country, v.platform,
       substring(v.token_hash from 1 for 8), 1, 0, now()
from unnest(:c0::bigint[], :c1::bigint[], :c2::bigint[], :c3::bigint[], :c4::text[], :c5::text[], :c6::text[],
            :c7::text[], :c8::bytea[])
     as v (app_id, send_id, device_id, push_id, provider, lang, country, platform, token_hash)
on conflict (day, app_id, send_id, device_id) do nothing
returning app_id, send_id, device_id
