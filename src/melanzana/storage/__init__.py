"""Opens the database and the blob folder; knows no feature."""
