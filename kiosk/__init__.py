"""What tablets do: pairing, self check-in, gate and desk pages, the device API. Never imports the printers."""
