"""Views: a batch in, what an objective compares or hides out, in one go on its device."""
