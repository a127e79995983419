"""The fixtures that several test modules share."""

pytest_plugins = ["helpers.session"]

from tests.conftest import _generated, bake, repository, workshop  # noqa: E402, F401
