"""Many payouts out of one file: read whole, held against the books, and then sent one by one."""
