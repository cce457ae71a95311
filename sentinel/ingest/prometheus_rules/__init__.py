"""Rule files of Prometheus, Mimir, Thanos and the Prometheus operator as rules of ours. Pure."""
