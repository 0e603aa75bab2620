"""What a simulation shows: tables for terminals, PNG plots, a page in one HTML file, JSON."""
