"""Infrastructure that every domain uses; it depends on none of them."""
