"""The tables of the portal: sign-in links, sessions, and forms already taken."""
