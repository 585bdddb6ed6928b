"""Users: passwords, logins, lockout, roles, and the login page."""
