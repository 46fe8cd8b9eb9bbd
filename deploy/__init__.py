"""How Rollcall is run: containers, Kubernetes, and `local/`, real servers without either."""
