"""Everything that talks to push providers: transports, payloads, verdicts, limits.

Nothing here touches the database or a feature.
"""
