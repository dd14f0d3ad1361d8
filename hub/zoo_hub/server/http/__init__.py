"""HTTP by uvicorn and Starlette: a port, its connections, and from a request to a route's answer."""
