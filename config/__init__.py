"""What may differ between machines: settings, Celery options, the beat table, timing policy, logs."""
