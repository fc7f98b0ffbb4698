"""Deliveries: one message to one device for one send, written once with its outcome.

Owns tables `delivery` and `credential_minute`, and what a verdict means for message, token and credential.
States: docs/explanation/delivery-lifecycle.md.
"""
