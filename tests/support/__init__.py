"""What tests share: real servers, a running system, a browser, and the scenario language."""
