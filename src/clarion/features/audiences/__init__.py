"""Audiences: who a sending is for. Owns the filter, its rules, and the one compiler that turns it into SQL.

Dispatch, estimate, the devices query and auto-push all use this compiler, so that they always agree.
"""
