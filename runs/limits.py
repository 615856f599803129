"""Lengths, patterns and batch sizes, each in one place. Anything over a limit is refused with a sentence, never cut."""

import re
from typing import Final

KB: Final = 1024
MB: Final = 1024 * KB
GB: Final = 1024 * MB

USER_NAME: Final = re.compile(r"[\w.@+-]{1,150}")  # as Django has it
WORKSPACE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
WORKSPACE_NAME_LENGTH: Final = 63
EXPERIMENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")  # v1's; MLflow clients may choose any text
EXPERIMENT_NAME_LENGTH: Final = 500
RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,255}")
RUN_ID_LENGTH: Final = 256
MODEL_NAME_LENGTH: Final = 255
LOGGED_MODEL_NAME_LENGTH: Final = 500
LOGGED_MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}")
LOGGED_MODEL_ID_LENGTH: Final = 36
LOGGED_MODEL_METRICS: Final = 100_000  # of one model
DATASET_NAME_LENGTH: Final = 500
DATASET_DIGEST_LENGTH: Final = 36
DATASET_SOURCE_TYPE_LENGTH: Final = 36
DATASET_SOURCE_LENGTH: Final = 65_535
DATASET_SCHEMA_LENGTH: Final = 1_048_575
DATASET_PROFILE_LENGTH: Final = 16_777_215
DATASET_TAG_LENGTH: Final = 500  # of a value
DATASETS_PER_RUN: Final = 1_000
NAME_LENGTH: Final = 256  # display names of runs; names of targets, agents, tokens
DESCRIPTION_LENGTH: Final = 64 * KB
ERROR_MESSAGE_LENGTH: Final = 64 * KB

KEY_LENGTH: Final = 255  # of a tag, property, parameter or metric
MLFLOW_KEY: Final = re.compile(r"[/\w.\- :]+")
MLFLOW_KEY_LENGTH: Final = 250
MLFLOW_METRICS: Final = 1_000  # of one log-batch, and of metrics, parameters and tags together
MLFLOW_RECORDS: Final = 100  # parameters, or tags, of one log-batch
TAG_VALUE_LENGTH: Final = 8_000
PROPERTY_VALUE_LENGTH: Final = 5_000
PARAMETER_VALUE_LENGTH: Final = 100_000
METRIC_TEXT_LENGTH: Final = 5_000
TAGS_PER_RUN: Final = 1_000
PROPERTIES_PER_RUN: Final = 1_000
PARAMETERS_PER_RUN: Final = 10_000
METRIC_KEYS_PER_RUN: Final = 20_000

POINTS_PER_BATCH: Final = 100_000
METRIC_BATCH_BYTES: Final = 32 * MB
LARGEST_INTEGER: Final = 2**63 - 1
SMALLEST_INTEGER: Final = -(2**63)
BATCH_ID_LENGTH: Final = 64
LATEST_TIME_S: Final = 253_402_300_800  # of a point: before the year 10000
LATE_POINTS_S: Final = 24 * 60 * 60  # after its end a run still takes points that a client had kept on disk
RECEIPTS_S: Final = 14 * 24 * 60 * 60  # how long a folded batch is known by its id

CHUNK_POINTS: Final = 4_096  # of one series, in a row
FOLD_POINTS: Final = 20_000  # a run is folded once this many points wait, …
FOLD_SEGMENTS: Final = 200  # … or this many requests, …
FOLD_AFTER_S: Final = 30  # … or the oldest has waited this long
FOLD_PASS_POINTS: Final = 250_000  # folded in one transaction, …
FOLD_PASS_BYTES: Final = 64 * MB  # … and not more than this, for texts may be long
CHART_BUCKETS: Final = 500
CHART_BUCKETS_MOST: Final = 10_000
CHART_RUNS: Final = 200  # of one request for curves
CHART_KEYS: Final = 200
CHART_POINTS: Final = 5_000_000  # runs times keys times buckets
VALUES_PER_PAGE: Final = 25_000

TABLES_PER_RUN: Final = 20_000
TABLE_COLUMNS: Final = 1_000
TABLE_ROWS: Final = 10_000_000
TABLE_TEXT_LENGTH: Final = 5_000  # of a cell
TABLE_BATCH_ROWS: Final = 10_000  # of one request, …
TABLE_BATCH_CELLS: Final = 100_000  # … and not more cells than this
TABLE_PAGE_CELLS: Final = 100_000

RUNS_PER_BATCH: Final = 1_000
RUNS_PER_BULK_ACTION: Final = 1_000
INDEXED_LENGTH: Final = 48  # characters of a value that an index holds; a migration goes with a change
SEARCH_S: Final = 10  # that the database may work on a search
PAGE_SIZE: Final = 50
PAGE_SIZE_MOST: Final = 1_000
COUNT_MOST: Final = 10_000  # a list counts no further than this and says "more than"
TREE_DEPTH: Final = 100

ARTIFACT_PATH_LENGTH: Final = 1_024
ARTIFACT_BYTES: Final = 1024 * GB
ARTIFACTS_PER_RUN: Final = 1_000_000
SNAPSHOT_BYTES: Final = 2 * GB
SNAPSHOT_FILES: Final = 50_000

LOG_STREAM_LENGTH: Final = 255
LOG_STREAMS_PER_RUN: Final = 100
LOG_CHUNK_BYTES: Final = 1 * MB
LOG_BATCH_BYTES: Final = 8 * MB
LOG_READ_BYTES: Final = 4 * MB  # of one ranged answer
LOG_STREAM_BYTES: Final = 10 * GB
LOG_SEARCH_LENGTH: Final = 1_000  # of the text that is looked for
LOG_SEARCH_MOST: Final = 10_000  # lines found in one answer
LOG_EXCERPT_BYTES: Final = 4 * KB  # a found line that is longer is shown around the match

GRACE_S: Final = 30
GRACE_S_MOST: Final = 24 * 60 * 60
HEARTBEAT_S: Final = 10
SLOTS_MOST: Final = 1_024
ARGUMENTS_BYTES: Final = 1 * MB
REQUIREMENTS_MOST: Final = 2_000  # packages of an environment
REQUIREMENT_LENGTH: Final = 2_000
TOKENS_PER_USER: Final = 1_000
