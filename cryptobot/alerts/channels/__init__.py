"""The alert channels that ship, one file each."""
