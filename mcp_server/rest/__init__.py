"""The REST routes, one file a subject; `table` lists them all."""
