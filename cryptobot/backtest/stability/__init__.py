"""Whether a result survives other costs, delays, lost orders, neighbouring parameters and other markets."""
