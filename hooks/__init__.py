"""The template's own code: the rules for the answers, the barriers that apply them, and the hooks."""
