"""``python -m cryptobot``: the command line."""

from cryptobot.cli import main

main()
