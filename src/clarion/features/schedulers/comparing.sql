-- name: find
-- The comparison of a scheduler.
select scheduler_id, account_id, shares, winner, phase, sample_send_id, rest_send_id, decide_at, decided_at, winner_id,
       reason
from comparison
where account_id = :account_id and scheduler_id = :scheduler_id;

-- name: hold
-- What a comparison must know of its scheduler, held until the end of the transaction.
select type, state, local_time,
       exists (select from send where scheduler_id = scheduler.id and zone_bucket is distinct from :test) as begun
from scheduler
where account_id = :account_id and id = :scheduler_id
for update;

-- name: put
-- Shares and contest from now on; nothing has been sent yet.
insert into comparison (scheduler_id, account_id, shares, winner)
values (:scheduler_id, :account_id, :shares, :winner)
on conflict (scheduler_id) do update
set shares = excluded.shares, winner = excluded.winner
where comparison.account_id = excluded.account_id;

-- name: remove
delete from comparison where account_id = :account_id and scheduler_id = :scheduler_id;

-- name: begin
-- The sample has been started.
update comparison set phase = 'sampling', sample_send_id = :send_id, decide_at = :decide_at
where account_id = :account_id and scheduler_id = :scheduler_id;

-- name: settle
-- The rest has been started.
update comparison
set phase = 'decided', rest_send_id = :send_id, decided_at = :now, winner_id = :winner_id, reason = :reason
where account_id = :account_id and scheduler_id = :scheduler_id;

-- name: competing_sends
-- The sends in which all pushes take part: the sample if there is one, else everything but tests.
select id from send
where account_id = :account_id and scheduler_id = :scheduler_id
  and zone_bucket is distinct from :test and zone_bucket is distinct from :rest
order by id;
