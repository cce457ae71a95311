"""Figures over time in SQL: statistics, trends, and the rollups they are added up from."""
