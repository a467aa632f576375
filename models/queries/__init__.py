"""Every SQL statement of the project, by what it is for. Functions take a session and never commit."""
