"""The faces of a bot in a notebook: control panel, streaming charts, tables."""
