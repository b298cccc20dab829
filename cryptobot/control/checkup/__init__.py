"""What `cryptobot doctor` looks at: each thing by itself, and how to mend it."""
