-- The pushes of an account, newest first.

create index push_account on push (account_id, id desc) where deleted_at is null;
