"""What the consoles share: tables, questions and exports."""
