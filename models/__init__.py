"""What is true: the tables, the rules, the ledger and what is read from them. Knows no web."""
