"""The learning assistant: what it answers from the student's own files, record and cards, and what it hands to the cloud."""
