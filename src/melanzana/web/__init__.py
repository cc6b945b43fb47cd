"""What every face of the server shares and no feature owns: documented answers, static files, the API documentation page."""
