"""Who may do what, declared once: permissions, roles, scope. Only this package imports guardian."""
