"""The worker process: scheduler clock, dispatch loop, housekeeping, and a life that ends in order.

clock → sends and slices;  dispatcher → slice runs → lanes (one per credential) → providers
answers → lane → recorder → ledger;  retries → the same lanes
"""
