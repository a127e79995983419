"""What the tests share: servers, workers, repositories, git hosts; also with the template's tests and benchmarks."""
