"""Training runs: tasks, data, networks, the loop, and the processes and store around it."""
