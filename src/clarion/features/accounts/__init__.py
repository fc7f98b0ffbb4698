"""Accounts: customers of the installation, their members and API keys, and the audit log.

Owns tables `account`, `member`, `api_key` and `audit_entry`, and gives each new account its system events.
"""

from clarion.features.accounts.audit import audit
from clarion.features.accounts.model import AccountCreated, AccountSummary, Caller, KeyRotated, Member
from clarion.features.accounts.service import AccountService

__all__ = ["AccountCreated", "AccountService", "AccountSummary", "Caller", "KeyRotated", "Member", "audit"]
