-- name: keep
-- Before a bundle is sent.
insert into provider_batch (app_id, send_id, key, account_id, day, provider, push_id, lang, transport, device_ids, tokens)
values (:app_id, :send_id, :key, :account_id, :day, :provider, :push_id, :lang, :transport, :device_ids, :tokens)

-- name: of_devices
-- The bundles of a send that some devices travelled in.
select key, day, app_id, send_id, account_id, provider, push_id, lang, transport, device_ids, tokens
from provider_batch
where app_id = :app_id and send_id = :send_id and provider = :provider and device_ids && :device_ids::bigint[]
order by created_at desc

-- name: unfinished
-- Bundles of a slice that were sent, or were about to be, with those of their devices of which nothing is recorded.
-- The hash is empty where the device has another token by now. Only a device that travels alone can have personal words.
select b.key, b.day, b.app_id, b.send_id, b.account_id, b.provider, b.push_id, b.lang, b.transport, b.device_ids,
       b.tokens, array_agg(v.id order by v.id) as open_ids, array_agg(v.country order by v.id) as countries,
       array_agg(v.platform order by v.id) as platforms,
       array_agg(case when lower(v.token) = lower(m.token) then v.token_hash else '' end order by v.id) as hashes,
       array_agg(case when cardinality(b.device_ids) = 1
                      then jsonb_build_object('tags', v.tags, 'ext_id', v.ext_id, 'country', v.country, 'lang', v.lang)
                 end) as facts
from provider_batch b
cross join lateral unnest(b.device_ids, b.tokens) as m (device_id, token)
join device v on v.app_id = b.app_id and v.id = m.device_id
where b.app_id = :app_id and b.send_id = :send_id and b.provider = :provider
  and b.device_ids[1] between :id_from and :id_to
  and not exists (select from delivery d where d.day = b.day and d.app_id = b.app_id and d.send_id = b.send_id
                                           and d.device_id = m.device_id)
group by b.app_id, b.send_id, b.key
order by b.created_at

-- name: forget_settled
-- Bundles all of whose messages are settled need not be repeated any more.
delete from provider_batch b
using unnest(:app_ids::bigint[], :send_ids::bigint[], :keys::uuid[]) as u (app_id, send_id, key)
where b.app_id = u.app_id and b.send_id = u.send_id and b.key = u.key
  and not exists (select from unnest(b.device_ids) as m (device_id)
                  left join delivery d on d.day = b.day and d.app_id = b.app_id and d.send_id = b.send_id
                                      and d.device_id = m.device_id
                  where d.state is null or d.state = 1)
