-- Several pushes of a onesend as a test of each other; the audit log as something that is only ever added to.

create index audit_entry_object on audit_entry (account_id, object, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
    for each statement execute function refuse_change();
