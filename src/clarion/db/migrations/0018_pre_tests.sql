-- Tests are left out of statistics: the few sends to chosen devices of an account.

create index send_test on send (account_id, id) where device_ids is not null;
