"""The settings of the business, as the console shows them."""
