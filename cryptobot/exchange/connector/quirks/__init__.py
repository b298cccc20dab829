"""What is peculiar to each exchange, a file each: see `base.Quirks`."""
