"""The read models, and the `portal_` views through which the portal reads them."""
