"""Examines a merchant's callback handler: plays the gateway's real manners at it, and says in words what it got wrong."""
