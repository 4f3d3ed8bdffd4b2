"""What people see: pages, their state, their look."""
