"""What comes in: stored first, then scored through the service, then routed."""
