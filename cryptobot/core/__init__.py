"""Words: types, money, bars, clock, errors, settings and the registry. Imports no other room."""
