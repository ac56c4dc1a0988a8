"""What README.md and docs/ show is run, and what it prints is compared."""
