"""destinations: where deliveries go, one file a destination."""
