"""What we do about it: jobs, each a plain function behind a thin Celery wrapper."""
