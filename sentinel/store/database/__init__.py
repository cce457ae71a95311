"""The database itself: connections, bulk writes, migrations, backups, leases, retention."""
