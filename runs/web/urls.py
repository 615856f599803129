"""Addresses of the pages."""

from django.urls import include, path

from runs.web import bulk, compute, experiments, home, preferences, runs, sign_in, tokens

workspace = [
    path("", home.workspace),  # with the slash that MLflow's clients put before the fragment of the links they print
    path("runs", runs.index, name="runs"),
    path("runs/bulk", bulk.bulk, name="runs-bulk"),
    path("", include("runs.web.run_urls")),
    path("experiments", experiments.index, name="experiments"),
    path("experiments/<str:name>", runs.of_experiment, name="experiment"),
    path("experiments/<str:name>/edit", experiments.edit, name="experiment-edit"),
    path("tokens", tokens.index, name="tokens"),
    path("tokens/<int:pk>/revoke", tokens.revoke, name="token-revoke"),
    path("compute", compute.index, name="compute"),
    path("compute/<str:name>/pause", compute.pause, name="compute-pause"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in", sign_in.index, name="sign-in"),
    path("sign-in/<str:text>", sign_in.by_link, name="sign-in-link"),
    path("sign-out", sign_in.out, name="sign-out"),
    path("preferences", preferences.save, name="preferences"),
    path("runs/<str:run_id>", home.run_anywhere, name="run-anywhere"),
    path("experiments/<str:experiment_id>", home.experiment_anywhere, name="experiment-anywhere"),
    path("w/<str:workspace>", home.workspace, name="workspace"),
    path("w/<str:workspace>/", include(workspace)),
]
