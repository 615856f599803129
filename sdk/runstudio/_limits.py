"""Lengths and sizes that the server holds, so that what is over them is refused here, before it is sent or spooled."""

import re

KB = 1024
MB = 1024 * KB
GB = 1024 * MB

EXPERIMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,255}")

NAME_LENGTH = 256
DESCRIPTION_LENGTH = 64 * KB
KEY_LENGTH = 255
TAG_VALUE_LENGTH = 8_000
PARAMETER_VALUE_LENGTH = 100_000
TAGS_PER_RUN = 1_000
PARAMETERS_PER_RUN = 10_000
METRIC_TEXT_LENGTH = 5_000
LARGEST_INTEGER = 2**63 - 1
SMALLEST_INTEGER = -(2**63)

POINTS_PER_BATCH = 1_000  # of one request: making more of them into JSON at once would hold up the script
CELLS_PER_BATCH = 20_000  # of tables
TABLE_COLUMNS = 1_000
BATCH_TEXT_LENGTH = 4 * MB

CHILDREN_PER_CALL = 100  # v1's limit of create_children

SNAPSHOT_BYTES = 2 * GB
SNAPSHOT_FILES = 50_000
SOURCE_BYTES = 300 * MB  # v1's limits: beyond them start_logging keeps no source
SOURCE_FILES = 2_000
SOURCE_FILES_LOOKED_AT = 20_000  # somebody's home folder has more, and is not walked through at every start
ERROR_MESSAGE_LENGTH = 64 * KB

HEARTBEAT_S = 10.0
