"""The study record: what the student did, kept safe, and what it says of progress."""
