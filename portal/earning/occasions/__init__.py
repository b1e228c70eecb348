"""Occasions: what brings points besides orders, such as events, joining and birthdays."""
