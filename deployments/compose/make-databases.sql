-- Run once, by an empty PostgreSQL: the second database, for Prefect. The first is POSTGRES_DB.
CREATE DATABASE prefect OWNER sentinel;
\connect prefect
CREATE EXTENSION IF NOT EXISTS pg_trgm;
