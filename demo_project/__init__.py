"""A small project around the app: one live page, the admin, the API, Swagger, sample data."""
