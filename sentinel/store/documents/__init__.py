"""Documents of which every applied version is kept."""
