"""The Model Context Protocol by the official SDK, behind a bridge from aiohttp to ASGI. Imported only when it is served."""
