"""The features: each owns its tables, its rules and its use cases; a feature reaches another through its service.

Layers, from the top: schedulers, deliveries, sends, statistics, devices, pushes | audiences, events, apps, accounts.
"""
