"""What `melanzana check` prints, format by format, and what it asks of a suite."""
