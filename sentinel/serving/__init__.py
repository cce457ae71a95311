"""What the web servers of an instance share: connections that idle, and limits of clients."""
