"""The HTTP faces for programs: management API, device API, postbacks, and the operator's own routes."""
