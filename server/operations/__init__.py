"""What the services do beside retrieving."""
