"""The rules that `reconciler fsck` holds the books against, as data, and the statements that look for what breaks them.

Each file is one walk over the tables. A walk takes slices of ids, so that a statement stays short and nothing but
violations leaves the database.
"""
