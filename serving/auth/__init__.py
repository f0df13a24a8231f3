"""Who may call what, and how often: API keys, their scopes and rates, at the door of every front end."""
