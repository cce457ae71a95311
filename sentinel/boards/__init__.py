"""Custom dashboards: pages of chosen tiles, as documents. Pure."""
