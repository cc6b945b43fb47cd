"""What a run means: reports as pure folds of its event log against its snapshot."""
