"""The console: what people see in a browser. Pages call services and hold no rule of their own."""
