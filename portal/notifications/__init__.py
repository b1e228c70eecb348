"""Messages: templates, preferences, channels and delivery."""
