"""Clients of the price server: asynchronous, synchronous, and as a backend for assistants over stdio."""
