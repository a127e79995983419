"""Deploy a flow from a private git repository, the token in a Secret block.

    uv run docs/recipes/deploy_git.py https://github.com/your-org/your-repository.git

Create the block `git-token` first (UI: Blocks > + > Secret; letters, digits and dashes only). The deployment
keeps a reference to the block, never the token; each run's worker reads it and clones the branch.

Prints:

    hello/from-git in pool-dev
    credentials on the server: {{ prefect.blocks.secret.git-token }}
"""

import sys

from prefect import flow, get_client
from prefect.blocks.system import Secret
from prefect.runner.storage import GitRepository


def deploy(url: str) -> None:
    """Create or update the deployment `hello/from-git`. The machine that deploys must reach the repository."""
    repository = GitRepository(url, branch="main", credentials={"access_token": Secret.load("git-token")})
    flow.from_source(source=repository, entrypoint="hello.py:hello").deploy(
        name="from-git",
        work_pool_name="pool-dev",
        parameters={"name": "git"},
        ignore_warnings=True,
        print_next_steps=False,
    )


if __name__ == "__main__":
    deploy(sys.argv[1])
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("hello/from-git")
    clone = deployment.pull_steps[0]["prefect.deployments.steps.git_clone"]
    print(f"hello/from-git in {deployment.work_pool_name}")
    print("credentials on the server:", clone["credentials"]["access_token"])
