-- Waiting deliveries are found by what they wait with: their send, app and provider. So whoever claims never looks
-- through rows that cannot go now, however many there are (docs/adr/0015-claims.md).

do $$
declare
    child record;
    waits boolean;
    chosen text[] := '{}';
    first date := least((now() at time zone 'UTC')::date - 1,
                        (select min(day) from send
                         where state in ('running', 'paused') or finished_at > now() - interval '2 days'));
begin
    -- Partitions in which something waits or may come to wait. In others nothing will: they are not scanned.
    for child in
        select c.relname from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'delivery'::regclass
    loop
        execute format('select exists (select from %I where state = 1)', child.relname) into waits;
        if waits or child.relname >= 'delivery_' || to_char(first, 'YYYYMMDD') then
            chosen := chosen || child.relname::text;
        end if;
    end loop;

    drop index delivery_due, delivery_open, delivery_parked;
    create index delivery_waiting on only delivery (send_id, app_id, provider, next_attempt_at) where state = 1;
    create index delivery_parked on only delivery (send_id, app_id, provider, parked_at) where parked_at is not null;
    for child in select unnest(chosen) as relname
    loop
        execute format('create index %I on %I (send_id, app_id, provider, next_attempt_at) where state = 1',
                       child.relname || '_waiting', child.relname);
        execute format('alter index delivery_waiting attach partition %I', child.relname || '_waiting');
        execute format('create index %I on %I (send_id, app_id, provider, parked_at) where parked_at is not null',
                       child.relname || '_turns', child.relname);
        execute format('alter index delivery_parked attach partition %I', child.relname || '_turns');
    end loop;
end $$;

-- Each send, app and provider of which anything waits, with the moment of the first. One step along the index for each,
-- however many rows it has; days are those whose partitions have the index. Nothing is sorted or gathered: before a
-- partition's first statistics the planner takes that for cheaper.
create function waiting_groups()
returns table (day date, send_id bigint, app_id bigint, provider text, account_id bigint, first_at timestamptz)
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
begin
    return query
    with recursive groups as (
        select to_date(right(t.relname, 8), 'YYYYMMDD') as day, 0::bigint as send_id, 0::bigint as app_id,
               '' as provider, 0::bigint as account_id, null::timestamptz as first_at
        from pg_inherits h join pg_index i on i.indexrelid = h.inhrelid join pg_class t on t.oid = i.indrelid
        where h.inhparent = 'delivery_waiting'::regclass
        union all
        select f.*
        from groups g
        cross join lateral (
            select d.day, d.send_id, d.app_id, d.provider, d.account_id, d.next_attempt_at
            from delivery d
            where d.day = g.day and d.state = 1
              and (d.send_id, d.app_id, d.provider) > (g.send_id, g.app_id, g.provider)
            order by d.send_id, d.app_id, d.provider, d.next_attempt_at
            limit 1
        ) f
    )
    select g.* from groups g where g.first_at is not null;
end $$;
