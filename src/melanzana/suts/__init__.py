"""Systems under test: what runs are made against, and who has which of them now."""
