"""Who may ask, from where and how often: one guard for REST, WebSocket and the Model Context Protocol."""
