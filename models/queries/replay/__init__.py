"""The statements of replay plans: choosing what they are about, drafting, working, looking."""
