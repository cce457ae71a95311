"""The catalog of services: definitions, dependencies, blast radius and readiness. Pure."""
