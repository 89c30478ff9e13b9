"""What is told of requests: the record of each, and who reads it."""
