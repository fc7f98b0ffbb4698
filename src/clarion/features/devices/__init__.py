"""Devices: installations of an app, their push tokens, what they tell about themselves, and their sessions.

Owns table `device`. A device is addressed by (app, id); its id is random, because the device API knows no other secret.
"""
