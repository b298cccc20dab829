"""News to WebSocket clients: written once, sent to all, never waiting for anybody."""
