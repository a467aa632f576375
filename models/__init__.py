"""What is true: tables, words, pure decisions, every SQL statement, migrations."""
