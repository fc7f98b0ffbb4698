-- name: fold
-- Add counts; rows arrive sorted by key, so that parallel folds take their row locks in one order.
insert into stat_hour (account_id, app_id, send_id, push_id, country, lang, platform, hour, outcome, n)
select * from unnest(:accounts::bigint[], :apps::bigint[], :sends::bigint[], :pushes::bigint[], :countries::text[],
                     :langs::text[], :platforms::text[], :hours::timestamptz[], :outcomes::text[], :counts::bigint[])
on conflict (account_id, send_id, app_id, push_id, country, lang, platform, hour, outcome)
do update set n = stat_hour.n + excluded.n;

-- name: outcomes
-- Messages of some sends by app and outcome.
select app_id, outcome, sum(n)::bigint as n
from stat_hour
where account_id = :account_id and send_id = any(:send_ids::bigint[])
group by app_id, outcome;
