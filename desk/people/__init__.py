"""Who may do what: people with roles, and tokens of programs with scopes."""
