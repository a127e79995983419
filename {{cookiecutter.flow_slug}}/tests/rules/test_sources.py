"""What the team's sources must not do: read in their syntax trees, nothing is run."""

from flow_ops.testing import rules


def test_no_future_is_left_unresolved() -> None:
    rules.require("FT-RULE-06", rules.places(rules.unresolved_futures))


def test_no_block_or_variable_is_read_at_import() -> None:
    rules.require("FT-RULE-07", rules.places(rules.reads_at_import))


def test_no_datetime_is_naive() -> None:
    rules.require("FT-RULE-08", rules.places(rules.naive_datetimes))


def test_no_file_path_is_relative() -> None:
    rules.require("FT-RULE-09", rules.places(rules.relative_paths))
