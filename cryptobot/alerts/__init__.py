"""Notices to people: they read the journal with their own cursor, so none of them can delay an order."""
