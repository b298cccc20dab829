"""What the simulated exchange can be asked, a file for each kind."""
