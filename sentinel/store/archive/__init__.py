"""The archive: resolved alerts and groups that left the database for files of Parquet."""
