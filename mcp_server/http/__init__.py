"""The HTTP side: connections with deadlines, the guard in front of every route, answers, the bridge to ASGI."""
