"""OneSignal's REST API: many subscriptions in one request, repeated safely by its key (providers.md §6).

OneSignal's pages: *Create notification*, *Idempotent notification requests*, *Rate limits*.
"""
