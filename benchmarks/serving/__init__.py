"""The served endpoint under load: see ``__main__``."""
