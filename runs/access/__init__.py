"""Who may see and who may change what. Surfaces ask here first, and only here."""

from runs.access.callers import (
    ALL_SCOPES,
    Caller,
    caller,
    memberships_of,
    require_agent,
    require_everywhere,
    require_owner,
    require_person,
    require_read,
    require_write,
)
from runs.access.finding import experiment_for, find_experiment, find_run, run_for, runs_for, runs_there
from runs.access.sign_in import make_sign_in_link, use_sign_in_link
from runs.access.tokens import (
    caller_for_token,
    forget_tokens,
    make_token,
    make_token_as,
    revoke_token,
    token_for,
    tokens_of,
)
from runs.access.workspaces import (
    add_member,
    create_workspace,
    describe_workspace,
    remove_member,
    user_named,
    visible_workspaces,
    workspaces_of,
)

__all__ = [
    "ALL_SCOPES",
    "Caller",
    "add_member",
    "caller",
    "caller_for_token",
    "create_workspace",
    "describe_workspace",
    "experiment_for",
    "find_experiment",
    "find_run",
    "forget_tokens",
    "make_sign_in_link",
    "make_token",
    "make_token_as",
    "memberships_of",
    "remove_member",
    "require_agent",
    "require_everywhere",
    "require_owner",
    "require_person",
    "require_read",
    "require_write",
    "revoke_token",
    "run_for",
    "runs_for",
    "runs_there",
    "token_for",
    "tokens_of",
    "use_sign_in_link",
    "user_named",
    "visible_workspaces",
    "workspaces_of",
]
