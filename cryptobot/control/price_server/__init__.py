"""What the price server shows of bots and exchanges, and what it may do to them."""
