"""SQL of correlation: what is learned of earlier alerts, and which alerts are related."""
