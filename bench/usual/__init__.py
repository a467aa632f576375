"""The usual design of a payment-callback worker, kept to be compared with: what the tutorials of its parts add up to.

The door remembers each callback in Redis (`SET NX`) and starts a Celery task; the task takes a Redis lock, asks the
gateway, and marks the invoice paid; Celery acknowledges late and retries by itself. No straw man: it shares our gateway
client with its timeouts, our reader of callbacks and our Celery options, asks the gateway before it believes anything,
and has a unique key on its payments. What it lacks is a design in which Redis and a process may die.
"""
