"""The learning assistant's data: what a student asks, the courses it is about, and what the right answer would be."""
