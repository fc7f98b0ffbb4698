"""Apps: applications with the credentials of their transports, and groups of them.

Owns tables `app`, `app_credential`, `app_group` and `app_group_member`. Secrets are sealed, bound to their row, and
shown to nobody.
"""
