"""The REST API: thin Django REST framework views over the storages.

Modules have the names that they have in DRF. Where to start reading:

``urls``         the routes
``viewsets``     entries, commits and status
``changes``      the change log: pages, long polls and server-sent events (``sse``)
``views``        the base class of all views
``writer``       writes under HTTP preconditions (``etags``) and permissions
"""
