"""The price server: a leaf package that imports nothing of cryptobot. Its code arrives with its own issue."""
