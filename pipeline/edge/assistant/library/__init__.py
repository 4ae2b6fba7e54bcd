"""The student's course files: read, indexed on the device, and found by what is asked."""
