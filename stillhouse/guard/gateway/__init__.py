"""The process between clients and models: admits, relays, records. The one place that knows the web framework."""
