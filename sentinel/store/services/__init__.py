"""SQL of the catalog of services."""
