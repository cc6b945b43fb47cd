"""The smallest failing walk of a run, found by performing ever smaller ones on agents; and a run's steps performed again."""
