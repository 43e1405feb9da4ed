"""What jobs ask for grows with attempts and with what is forecast."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from seqcast.settings.resources import JOBS, read_forecast, request_memory, request_minutes

RULES = st.sampled_from(sorted(JOBS))


@given(RULES, st.integers(1, 8), st.floats(0, 1e12), st.floats(0, 1e6))
def test_each_attempt_asks_for_no_less_and_never_for_less_than_forecast(
    rule: str, attempt: int, memory: float, seconds: float
) -> None:
    asked, minutes = request_memory(rule, attempt, memory), request_minutes(rule, attempt, seconds)
    assert asked >= max(1000 * JOBS[rule].memory, int(memory / 1e6))
    assert minutes >= max(JOBS[rule].minutes, int(seconds / 60))
    assert request_memory(rule, attempt + 1, memory) >= asked
    assert request_minutes(rule, attempt + 1, seconds) >= minutes
    assert request_memory(rule, 100, memory) == 4 * request_memory(rule, 1, memory)
    assert request_minutes(rule, 100, 0) == 1440


def test_numbers_of_a_dataset_of_known_size(tmp_path: Path) -> None:
    assert (request_memory("dataset", 1), request_minutes("dataset", 1)) == (8000, 120)
    assert (request_memory("dataset", 2), request_minutes("train_model", 2)) == (16000, 480)
    path = tmp_path / "validation.json"
    assert read_forecast(path) == read_forecast("") == (0, 0)
    for broken in ("{", "[]", "{}", '{"forecast": {}}', '{"forecast": {"memory": "much"}}'):
        path.write_text(broken)
        assert read_forecast(path) == (0, 0)
    path.write_text(json.dumps({"forecast": {"disk": 1, "memory": 2e10, "seconds": 9000.0}}))
    memory, seconds = read_forecast(path)
    # Half as much memory again as is forecast, three times the time.
    assert request_memory("dataset", 1, memory) == 30_000
    assert request_minutes("dataset", 1, seconds) == 450
