"""Events: the codes of an account and the history of each device.

Owns tables `event_definition` and `device_event`.
"""
