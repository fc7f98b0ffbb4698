"""What every part may import: errors, clock, ids, secrets, backoff, telemetry. Small and stable."""
