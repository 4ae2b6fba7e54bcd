"""Data for what the device does beside classifying: rewriting a question that leans on its context, and choosing a tool."""
