-- name: get
-- What an account demands of its postbacks.
select sealed_secret, signature_required, networks, quiet, starts_auto_push
from postback_option where account_id = :account_id

-- name: ensure
-- A row to change.
insert into postback_option (account_id) values (:account_id) on conflict do nothing

-- name: lock
-- Whether there is a secret; nobody changes that before the transaction ends.
select sealed_secret is not null from postback_option where account_id = :account_id for update

-- name: put
-- New options; the secret stays.
update postback_option
set signature_required = :signature_required, networks = :networks, quiet = :quiet,
    starts_auto_push = :starts_auto_push, updated_at = now()
where account_id = :account_id

-- name: set_secret
-- Another secret.
update postback_option set sealed_secret = :sealed, updated_at = now() where account_id = :account_id
