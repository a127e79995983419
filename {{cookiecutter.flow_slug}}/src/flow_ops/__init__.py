"""The template's own code: logs, deployments, operations and tests of a flow repository.

These files are managed: the same bytes in every repository, replaced whole by a template update.
"""
