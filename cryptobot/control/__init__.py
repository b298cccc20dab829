"""Processes: launching a bot outside the notebook and taking hold of it again."""
