"""The pages: requests and forms in, HTML out; who may see what is checked here, on every route."""
