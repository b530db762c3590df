"""Tests that drive the course in a browser. A package, so that its fixtures end with it."""
