"""What can be executed: models, their versions, their test cases."""
