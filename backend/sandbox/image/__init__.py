"""What is in the container: its image, its system calls, and the program that runs others there."""
