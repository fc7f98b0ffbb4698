"""Firebase Cloud Messaging, HTTP v1 (providers.md §2).

Google documents: *FCM HTTP v1 reference (projects.messages)*, *FCM error codes*, *OAuth 2.0 for service accounts*.
"""
