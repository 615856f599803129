"""What v1 promises of a run, call by call: each test goes through some tables of its interface, in one process."""

import pytest

pytestmark = pytest.mark.live

SETUP = """
import contextlib, io, json, os, re, signal, struct, sys, threading, time, types, uuid, zlib
from pathlib import Path
from azureml.core import Experiment, Run, ScriptRun, ScriptRunConfig, Workspace
from azureml.exceptions import (
    ActivityFailedException, AzureMLAggregatedException, AzureMLException, ExperimentExecutionException,
    ModelPathNotFoundException, RunEnvironmentException, ServiceException, SnapshotException, UserErrorException,
)

ws = Workspace.from_config()

def refused(kind, call, *args, says="", **kwargs):
    try:
        given = call(*args, **kwargs)
    except kind as error:
        told = getattr(error, "message", str(error))
        assert says in told, f"{call.__name__}: {told!r} does not say {says!r}"
        return error
    raise AssertionError(f"{call.__name__}{args} {kwargs} was not refused with {kind.__name__}: it gave {given!r}")

def same(got, wanted, of_what):
    assert got == wanted, f"{of_what} is {got!r}, not {wanted!r}"

def same_values(got, wanted, of_what):
    same(got, wanted, of_what)
    same(repr(got), repr(wanted), f"the type of {of_what}")

def printed(call, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        call(*args, **kwargs)
    return text.getvalue()

def begin(experiment, **kwargs):
    return experiment.start_logging(**{"snapshot_directory": None, **kwargs})
"""


def run_rows(run_script, source: str) -> None:
    done = run_script(SETUP + source, timeout=240)
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_run_is_known_and_found_as_v1_has_it(run_script, tmp_path):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(300)\n")
    run_rows(
        run_script,
        """
import azureml.core, azureml.core.run
from azureml.core.compute import AmlCompute, ComputeTarget

exp = Experiment(ws, "identity")
run = begin(exp, tags={"kind": "first"})
named = begin(exp, run_id="an-id-of-my-own", display_name="second", description="of *two*", tags={"kind": "second"})
child = run.child_run("kid", run_id="its-id")

# id, number, name, type
uuid.UUID(run.id)
same(named.id, "an-id-of-my-own", "an id that was given")
assert 0 < run.number < named.number < child.number, (run.number, named.number, child.number)
same(run.name, f"run_{run.id}", "the name of an interactive run")
same(child.name, f"run_{run.id}>kid", "the name of a child")
refused(AttributeError, setattr, run, "name", "other")
same((run.type, child.type), (None, None), "the type of interactive runs")

# display_name, description: settable at once, read from the cache
same((named.display_name, named.description), ("second", "of *two*"), "what was given at the start")
other = Run(exp, named.id)
named.display_name = "renamed"
named.description = "described"
same((named.display_name, named.description), ("renamed", "described"), "what was set")
same((other.display_name, other.description), ("second", "of *two*"), "the cache of another object")
fresh = Run.get(ws, named.id)
same((fresh.display_name, fresh.description), ("renamed", "described"), "what the server has")

# parent, experiment, status, tags, properties
assert run.parent is None and child.parent.id == run.id
found = Run.get(ws, child.id)
assert found.parent.id == run.id and found.parent is found.parent, "a parent is fetched once"
same(found.experiment.name, "identity", "the experiment")
named.tag("later", "yes")
named.add_properties({"p": "q"})
named.complete()
same((other.status, other.tags, other.properties.get("p")), ("Running", {"kind": "second"}, None), "the cached record")
same(other.get_status(), "Completed", "the status that is asked for")
same((other.status, other.tags["later"], other.properties["p"]), ("Completed", "yes", "q"), "the record read again")

# Found by id; unknown ids
for get_run in (azureml.core.get_run, azureml.core.run.get_run):
    same(get_run(exp, run.id).id, run.id, "the run of get_run")
    same(get_run(exp, run.id, rehydrate=True, clean_up=True).id, run.id, "the run of get_run")
    refused(ServiceException, get_run, exp, "nobody")
same(ws.get_run(run.id).id, run.id, "the run of ws.get_run")
for call, *args in ((Run, exp), (Run.get, ws), (ws.get_run,)):
    error = refused(ServiceException, call, *args, "nobody")
    same((error.status_code, isinstance(error, AzureMLException)), (404, False), "the error of an unknown id")

# Submitted ones
waiting = ComputeTarget.create(ws, "waiting-room", AmlCompute.provisioning_configuration(vm_size="any"))
config = ScriptRunConfig(".", "waits.py", compute_target="waiting-room")
submitted = exp.submit(config, tags={"kind": "script"})
given = exp.submit(config, run_id="identity_own")
assert re.fullmatch(r"identity_[0-9]{10}_[0-9a-f]{8}", submitted.id), submitted.id
same((given.id, given.type), ("identity_own", "azureml.scriptrun"), "a submitted run with an id")
assert type(submitted) is ScriptRun and issubclass(ScriptRun, Run) and ScriptRun.RUN_TYPE == "azureml.scriptrun"
assert type(Run.get(ws, submitted.id)) is ScriptRun

# Run.list
def ids(runs):
    return [each.id for each in runs]

assert isinstance(Run.list(exp), types.GeneratorType), "Run.list is a generator"
same(ids(Run.list(exp)), [given.id, submitted.id, named.id, run.id], "the runs, the newest first")
same(ids(Run.list(exp, include_children=True)), [given.id, submitted.id, child.id, named.id, run.id], "with children")
same(ids(Run.list(exp, type="azureml.scriptrun")), [given.id, submitted.id], "the runs of a type")
same(ids(Run.list(exp, tags="kind")), [submitted.id, named.id, run.id], "the runs that have a tag")
same(ids(Run.list(exp, tags={"kind": "second", "later": "yes"})), [named.id], "the runs of two tags")
same(ids(Run.list(exp, properties={"p": "q"})), [named.id], "the runs of a property")
same(ids(Run.list(exp, properties="p")), [named.id], "the runs that have a property")
same(ids(Run.list(exp, status="Completed")), [named.id], "the runs of a status")

# Run.list_by_compute
same([each.run_id for each in Run.list_by_compute(waiting)], [given.id, submitted.id], "what waits for a target")
queued = list(Run.list_by_compute(waiting, status="Queued", tags={"kind": "script"}))
same([each.run_id for each in queued], [submitted.id], "what waits, by status and tag")
assert not isinstance(queued[0], Run), "records, and no runs"
same(list(Run.list_by_compute(waiting, status="Running")), [], "what runs on a target where nothing does")
refused(UserErrorException, Run.list_by_compute, waiting, status="Completed")

# As text and as a page
assert run.get_portal_url().startswith("http") and run.id in run.get_portal_url(), run.get_portal_url()
assert exp.get_portal_url().startswith("http")
status = submitted.get_status()
wanted = f"Run(Experiment: identity,\\nId: {submitted.id},\\nType: azureml.scriptrun,\\nStatus: {status})"
same(str(submitted), wanted, "the text of a run")
assert "<table" in run._repr_html_() and f'href="{run.get_portal_url()}"' in run._repr_html_(), run._repr_html_()

# Types of one's own
class Mine(Run):
    pass

Run.add_type_provider("azureml.scriptrun", lambda experiment, record: Mine(experiment, record.run_id))
for each in (Run.get(ws, given.id), ws.get_run(given.id), azureml.core.get_run(exp, given.id)):
    assert type(each) is Mine, f"a run of a type with a factory is {type(each)}"
assert type(next(Run.list(exp))) is Mine
assert type(azureml.core.get_run(exp, given.id, rehydrate=False)) is not Mine, "rehydrate=False asks no factory"
refused(ValueError, Run.add_type_provider, "azureml.scriptrun", Mine)
for each in (given, submitted):
    each.cancel()
    each.wait_for_completion(wait_post_processing=True)
child.complete()
run.complete()
""",
    )


def test_a_run_has_the_statuses_and_ends_of_v1(run_script, tmp_path):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(300)\n")
    run_rows(
        run_script,
        """
exp = Experiment(ws, "ends")
run = begin(exp, outputs="kept")
os.makedirs("kept", exist_ok=True)
Path("kept", "model.txt").write_text("model")

# While it runs
same(run.get_status(), "Running", "the status of a run that was started")
run.start()
same(run.get_status(), "Running", "the status of one that is started twice")
same(run.get_detailed_status(), {"status": "Running", "details": None}, "the detailed status")
details = run.get_details()
for key in ("runId", "status", "startTimeUtc", "properties", "inputDatasets", "outputDatasets", "logFiles", "submittedBy"):
    assert key in details, f"{key} is missing in {details}"
assert not {"endTimeUtc", "error"} & set(details), details
assert None not in details.values(), details
same((details["runId"], details["status"]), (run.id, "Running"), "what the details tell")
assert re.fullmatch(r"[0-9]{4}-[0-9-]{5}T[0-9:.]+Z", details["startTimeUtc"]), details["startTimeUtc"]
run.log("loss", 1)
assert run.flush(timeout_seconds=30) is None

# complete
run.complete()
details = run.get_details()
assert details["endTimeUtc"].endswith("Z") and "error" not in details, details
same((run.status, details["status"]), ("Completed", "Completed"), "the status of a completed run")
same(run.get_file_names(), ["kept/model.txt"], "the outputs of a completed run")
same(run.wait_for_completion()["status"], "Completed", "what waiting gives")

# fail
def failed_with(*args, **kwargs):
    run = begin(exp, outputs=False)
    run.fail(*args, **kwargs)
    same(run.get_status(), "Failed", "the status of a failed run")
    return run, run.get_details()["error"]["error"]

failed, error = failed_with("it took too long")
same((error["code"], error["message"]), ("UserError", "it took too long"), "the error of a text")
_, error = failed_with("no disk", error_code="SystemError")
same((error["code"], error["message"]), ("SystemError", "no disk"), "the error with a code")
_, error = failed_with(ValueError("bad"))
same((error["code"], error["message"]), ("UserError", "User program failed with ValueError: bad"), "that of an exception")
run = begin(exp, outputs=False)
run.fail()
same(run.get_status(), "Failed", "the status of a run that failed without a word")
run = begin(exp)
refused(TypeError, run.fail, 5)
same(run.get_status(), "Running", "the status of a run whose fail() was refused")

# cancel
run.cancel()
same(run.get_status(), "Canceled", "the status of a canceled run")
same(run.wait_for_completion()["status"], "Canceled", "what waiting for a canceled run gives")

# wait_for_completion
error = refused(ActivityFailedException, failed.wait_for_completion, says="it took too long")
head, _, rest = error.message.partition("\\n")
same((head, json.loads(rest)["error"]["message"]), ("Activity Failed:", "it took too long"), "the text of the exception")
assert '\\n    "error": {' in error.message, "it is indented by four"
same(failed.wait_for_completion(raise_on_error=False)["status"], "Failed", "what waiting gives without raising")
shown = printed(failed.wait_for_completion, show_output=True, raise_on_error=False)
address = failed.get_portal_url()
assert shown.startswith(f"RunId: {failed.id}\\nWeb View: {address}\\n"), shown
assert f"\\nExecution Summary\\n=================\\nRunId: {failed.id}\\nWeb View: {address}\\n" in shown, shown
assert "\\nError:\\n{" in shown and "it took too long" in shown, shown

waiting = exp.submit(ScriptRunConfig(".", "waits.py", compute_target="nobody-serves-it"))
threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
refused(ExperimentExecutionException, waiting.wait_for_completion, show_output=True)
assert waiting.get_status() in ("NotStarted", "Queued"), "Ctrl-C ended the run as well"
assert set(waiting.get_detailed_status()) == {"status", "details"}
waiting.cancel()
same(waiting.wait_for_completion(wait_post_processing=True)["status"], "Canceled", "the status after the cancel")

# with run:
os.makedirs("logs", exist_ok=True)
Path("logs", "mine.log").write_text("mine")
os.makedirs("outputs", exist_ok=True)
Path("outputs", "a.txt").write_text("a")
with begin(exp) as run:
    same(isinstance(run, Run), True, "that the block is given the run")
    print("said in the block")
    print("complained in the block", file=sys.stderr)
same(run.get_status(), "Completed", "the status after a block")
same(run.get_file_names(), ["logs/mine.log", "logs/user_log.txt", "outputs/a.txt"], "the files after a block")
run.download_file("logs/user_log.txt", "said.txt")
same(Path("said.txt").read_text(), "said in the block\\ncomplained in the block\\n", "what was printed in the block")
for raised in (ValueError("bad"), KeyboardInterrupt(), SystemExit(3)):
    try:
        with begin(exp) as run:
            raise raised
    except BaseException as error:
        assert error is raised, f"{error!r} instead of {raised!r}"
    else:
        raise AssertionError(f"{raised!r} did not go on")
    same(run.get_status(), "Failed", f"the status after {raised!r}")
    assert type(raised).__name__ in run.get_details()["error"]["error"]["message"], run.get_details()["error"]
try:
    with begin(exp) as run:
        sys.exit(0)
except SystemExit:
    pass
same(run.get_status(), "Completed", "the status after exit()")

# Statuses filter lists under v1's names, and interactive runs have three ends.
names = {status: {each.get_status() for each in Run.list(exp, status=status)} for status in (
    "Completed", "Failed", "Canceled", "Running", "NotStarted", "Queued", "CancelRequested",
)}
same({status for status, found in names.items() if found}, {"Completed", "Failed", "Canceled"}, "which ends there are")
assert all(found <= {status} for status, found in names.items()), names
""",
    )


def test_a_submitted_script_sees_its_run_and_its_exit_code_decides(run_script, tmp_path):
    (tmp_path / "good.py").write_text(
        "import os, sys\n"
        "from azureml.core import Run\n"
        "from azureml.core.run import _SubmittedRun\n"
        "run = Run.get_context()\n"
        "assert run is Run.get_context(allow_offline=False), 'one shared object'\n"
        "assert run is Run.get_submitted_run(), 'also by the older name'\n"
        "assert type(run) is _SubmittedRun and isinstance(run, Run), type(run)\n"
        "assert run.id == os.environ['AZUREML_RUN_ID']\n"
        "assert run.experiment.name == os.environ['AZUREML_ARM_PROJECT_NAME'] == 'inside'\n"
        "assert run.experiment.workspace.name == os.environ['AZUREML_ARM_WORKSPACE_NAME']\n"
        "for name in ('AZUREML_ARM_SUBSCRIPTION', 'AZUREML_ARM_RESOURCEGROUP', 'AZUREML_EXPERIMENT_ID'):\n"
        "    assert os.environ[name], name\n"
        "assert (run.input_datasets, run.output_datasets) == ({}, {})\n"
        "run.log('loss', 0.5)\n"
        "run.complete()\n"
        "assert run.get_status() == 'Running', 'complete() set a status'\n"
        "run.fail('not so bad')\n"
        "assert run.get_status() == 'Running', 'fail() set a status'\n"
        "run.cancel()\n"
        "assert run.get_status() == 'Running', 'cancel() did more than warn'\n"
        "with run as entered:\n"
        "    assert entered is run\n"
        "assert run.get_status() == 'Running', 'the end of a with-block set a status'\n"
        "with open('outputs/model.txt', 'w') as file:\n"
        "    file.write('model')\n"
        "print('all is', 'well')\n"
    )
    (tmp_path / "bad.py").write_text(
        "import os, sys\n"
        "for folder in ('outputs', 'logs'):\n"
        "    os.makedirs(folder, exist_ok=True)\n"
        "    with open(folder + '/half.txt', 'w') as file:\n"
        "        file.write('half')\n"
        "print('about to', 'fail', flush=True)\n"
        "sys.exit(3)\n"
    )
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(300)\n")
    run_rows(
        run_script,
        """
exp = Experiment(ws, "inside")
good = exp.submit(ScriptRunConfig(".", "good.py", arguments=["--rate", 0.1]))
shown = printed(good.wait_for_completion, show_output=True, raise_on_error=False)
details = good.get_details()
same(good.get_status(), "Completed", f"the status of\\n{shown}\\n{details}\\nwhich is")
same(good.get_metrics(), {"loss": 0.5}, "what the script logged")
head = f"RunId: {good.id}\\nWeb View: {good.get_portal_url()}\\n\\nStreaming user_logs/std_log.txt\\n====="
assert shown.startswith(head), shown
assert shown.index("all is well\\n") < shown.index("\\nExecution Summary\\n=================\\n"), shown
assert {"outputs/model.txt", "user_logs/std_log.txt"} <= set(good.get_file_names()), good.get_file_names()

same((details["target"], details["status"]), ("local", "Completed"), "the details of a submitted run")
assert details["startTimeUtc"].endswith("Z") and details["endTimeUtc"].endswith("Z"), details
definition = details["runDefinition"]
same((definition["script"], definition["target"]), ("good.py", "local"), "its run definition")
same([str(each) for each in definition["arguments"]], ["--rate", "0.1"], "its arguments")
assert good.get_snapshot_id() == details["properties"]["ContentSnapshotId"], details["properties"]
assert details["logFiles"]["user_logs/std_log.txt"].startswith("http"), details["logFiles"]
assert "all is well" in good.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"], "no text of the log"
for path in good.get_all_logs("there"):
    assert os.path.isfile(path), path
assert good.get_all_logs(), "no log"
assert os.path.isdir(os.path.join("assets", good.id)), "the default folder of logs"

bad = exp.submit(ScriptRunConfig(".", "bad.py"))
refused(ActivityFailedException, bad.wait_for_completion, says="Activity Failed:\\n{")
same(bad.wait_for_completion(raise_on_error=False)["status"], "Failed", "what exit code 3 makes of a run")
names = bad.get_file_names()
assert {"outputs/half.txt", "logs/half.txt", "user_logs/std_log.txt"} <= set(names), names

waits = [exp.submit(ScriptRunConfig(".", "waits.py", compute_target=target)) for target in ("local", "gpu-cluster")]
for run in waits:
    while run.get_status() != "Running":
        assert run.get_status() in ("NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Running"), run
        time.sleep(0.2)
waits[0].cancel()
assert waits[0].get_status() in ("CancelRequested", "Canceled"), waits[0]
waits[1].fail("stopped from outside")
same(waits[0].wait_for_completion(wait_post_processing=True)["status"], "Canceled", "the end of a cancel")
same(waits[1].wait_for_completion(raise_on_error=False)["status"], "Failed", "the end of fail() from outside")
same(waits[1].get_details()["error"]["error"]["message"], "stopped from outside", "what was said of it")
""",
    )


def test_tags_and_properties_are_written_as_v1_writes_them(run_script):
    run_rows(
        run_script,
        """
run = begin(Experiment(ws, "metadata"))
other = Run.get(ws, run.id)

# tag, set_tags, get_tags, remove_tags
assert run.tag("quality", "good") is None
run.tag("quality", "better")
run.tag("mark")
run.set_tags({"flag": True, "count": 3, "nothing": None})
wanted = {"quality": "better", "mark": None, "flag": "True", "count": "3", "nothing": None}
same(run.get_tags(), wanted, "the tags")
same((other.tags, other.get_tags()), ({}, wanted), "the tags in the cache and on the server")
same(other.tags, wanted, "the cache that get_tags refreshed")
refused(AttributeError, run.set_tags, "text")
same(run.remove_tags(["mark", "never there", "nothing"]), None, "what remove_tags gives")
same(run.get_tags(), {"quality": "better", "flag": "True", "count": "3"}, "what is left")

# add_properties, get_properties
before = run.get_properties()
run.add_properties({})
same(run.get_properties(), before, "the properties after none were added")
run.add_properties({"author": "me", "count": 3, "flag": False, "nothing": None})
wanted = {**before, "author": "me", "count": "3", "flag": "False"}
same(run.get_properties(), wanted, "the properties, of which those without a value are dropped")
run.add_properties({"author": "me", "more": "here"})
error = refused(ServiceException, run.add_properties, {"author": "another"})
assert not isinstance(error, AzureMLException) and error.status_code and error.message, error
same(run.get_properties(), {**wanted, "more": "here"}, "the properties after a refusal")
same(other.get_properties(), {**wanted, "more": "here"}, "the properties that another object asks for")
same(other.properties, {**wanted, "more": "here"}, "the cache that get_properties refreshed")

# On ended runs
run.complete()
run.tag("late", "yes")
run.remove_tags(["count"])
run.add_properties({"after": "all"})
refused(ServiceException, run.add_properties, {"after": "nothing"})
same(run.get_tags(), {"quality": "better", "flag": "True", "late": "yes"}, "the tags of an ended run")
same(run.get_properties()["after"], "all", "a property of an ended run")
same(run.get_status(), "Completed", "the status after all of it")
""",
    )


def test_metrics_are_taken_refused_and_given_back_as_in_v1(run_script, tmp_path):
    (tmp_path / "no_image.png").write_text("text")
    run_rows(
        run_script,
        """
class Plot:
    # What matplotlib.pyplot is to log_image.
    def savefig(self, stream, format="png", **_):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
        stream.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(2)))
                     + chunk(b"IEND", b""))

exp = Experiment(ws, "metrics")
run = begin(exp)
same(run.get_metrics(), {}, "the metrics of a run that logged none")
wanted = {}

# log: one value
class Thing:
    def __repr__(self):
        return "a thing"

for value in (1, 0.5, "abc", True, -3, "", 2.0):
    name = f"one {value!r}"
    run.log(name, value, description="one")
    wanted[name] = value
run.log(name="as keywords", value=4, description="", step=2)
run.log("no number", None)
run.log("object", Thing())
run.log("dictionary", {"a": 1})
run.log("tuple", (1, 2))
wanted.update({"as keywords": 4, "object": "a thing", "dictionary": "{'a': 1}", "tuple": "(1, 2)"})

# log: several values
for value in (1, 2, 3):
    run.log("whole", value)
for value in (1, 2.5, 3):
    run.log("mixed", value)
for value in ("a", "b"):
    run.log("texts", value)
for step, value in ((3, 30), (1, 10), (2, 20)):
    run.log("stepped", value, step=step)
wanted.update({"whole": [1, 2, 3], "mixed": [1.0, 2.5, 3.0], "texts": ["a", "b"], "stepped": [30, 10, 20]})

# log: refused
for value, kind in (([1, 2], "list"), (range(3), "range"), ((n for n in range(3)), "generator")):
    told = f"run.log does not support {kind} type. Use run.log_list instead"
    refused(UserErrorException, run.log, "refused", value, says=told)

# log_list
run.log_list("list", [0, 1, 1, 2], description="")
run.log_list("tuple of them", (0.5, 1.5))
run.log_list("generated", (n * n for n in range(4)))
run.log_list("list of one", [7])
wanted.update({"list": [0, 1, 1, 2], "tuple of them": [0.5, 1.5], "generated": [0, 1, 4, 9], "list of one": 7})

# log_row
run.log_row("row", x=1, y=0.5)
run.log_row("rows", "the second positional is a description", x=1, y="a")
run.log_row(name="rows", description=None, x=2, y="b")
wanted.update({"row": {"x": 1, "y": 0.5}, "rows": {"x": [1, 2], "y": ["a", "b"]}})
told = "Rows cannot contain list values, column x contains a list."
refused(AzureMLException, run.log_row, "refused", x=[1], says=told)
refused(AzureMLException, run.log_row, "refused", x=Thing())

# log_table
run.log_table("table", {"x": [1, 2, 3], "y": [0.1, 0.2, 0.3]}, description="")
run.log_table("table of one", {"x": 1, "y": "a"})
wanted.update({"table": {"x": [1, 2, 3], "y": [0.1, 0.2, 0.3]}, "table of one": {"x": 1, "y": "a"}})
refused(AzureMLException, run.log_table, "refused", {"x": [1, 2], "y": [1]})
refused(AttributeError, run.log_table, "refused", [1, 2])

# Files that are metrics
with open("image.png", "wb") as file:
    Plot().savefig(file)
os.makedirs("figures")
os.replace("image.png", "figures/image.png")
run.log_image("image", path="figures/image.png")
run.log_image("plot", plot=Plot(), description="")
for arguments in ({}, {"path": "figures/image.png", "plot": Plot()}, {"path": "no_image.png"}, {"plot": object()}):
    refused(AzureMLException, run.log_image, "refused", **arguments)

def document(kind, version="1.0.0", **data):
    return {"schema_type": kind, "schema_version": version, "data": data}

confusion = document("confusion_matrix", class_labels=["a", "b"], matrix=[[3, 1], [0, 4]])
table = [[[3, 1, 4, 0], [0, 0, 5, 3]], [[4, 0, 3, 1], [1, 0, 3, 4]]]
documents = {
    "confusion": (run.log_confusion_matrix, confusion),
    "accuracy": (run.log_accuracy_table, document(
        "accuracy_table", "1.0.1", probability_tables=table, percentile_tables=table, probability_thresholds=[0.0, 1.0],
        percentile_thresholds=[0.0, 1.0], class_labels=["a", "b"],
    )),
    "residuals": (run.log_residuals, document("residuals", bin_edges=[0, 1, 2], bin_counts=[3, 4])),
    "predictions": (run.log_predictions, document(
        "predictions", bin_averages=[0.2, 0.7], bin_errors=[0.1, 0.1], bin_counts=[3, 4], bin_edges=[0, 0.5, 1]
    )),
}
for name, (call, value) in documents.items():
    call(name, value)
    call(f"{name} as text", json.dumps(value), description="")
    refused(UserErrorException, call, "refused", "no JSON")
names = run.get_file_names()
assert {"figures/image.png", *documents, *(f"{name} as text" for name in documents)} <= set(names), names
drawn = [name for name in names if re.fullmatch(r"plot_[0-9]{10}\\.png", name)]
same(len(drawn), 1, f"the number of plots among {names}")
refused(AzureMLAggregatedException, run.log_confusion_matrix, "confusion", confusion, says="already exists")

# get_metrics
metrics = run.get_metrics()
for name, value in wanted.items():
    same_values(metrics.get(name), value, f"the metric {name!r}")
assert not {"no number", "refused"} & set(metrics), metrics
for name, stored_as in {"image": "figures/image.png", "plot": drawn[0], **{name: name for name in documents}}.items():
    told = metrics[name]
    assert re.fullmatch(r"aml://artifactId/ExperimentRun/[^/]+/" + re.escape(stored_as), told), told
same(run.get_metrics(name="list"), {"list": [0, 1, 1, 2]}, "one metric by its name")
same(run.get_metrics("unknown"), {}, "a metric that is not there")
populated = run.get_metrics(populate=True)
same(json.loads(populated["confusion"].content), confusion, "the content of a document")
assert populated["image"].content == Path("figures/image.png").read_bytes(), "the content of an image"
same(populated["list"], [0, 1, 1, 2], "what is no file, with populate")

# get_metrics(recursive=True)
top = begin(exp)
middle = top.child_run("middle")
leaf = middle.child_run("leaf")
top.log("a", 1)
leaf.log("a", 2)
leaf.log_row("r", x=1)
below = {"a": 2, "r": {"x": 1}}
same(top.get_metrics(recursive=True), {top.id: {"a": 1}, leaf.id: below}, "the metrics of a tree")
same(middle.get_metrics(recursive=True), {leaf.id: below}, "the metrics from the middle of a tree")
same(top.get_metrics("r", recursive=True), {leaf.id: {"r": {"x": 1}}}, "one metric of a tree")
same(top.get_metrics(recursive=True, run_type="azureml.scriptrun"), {}, "those of a type that no run has")
same(begin(exp).get_metrics(recursive=True), {}, "those of a tree without metrics")

# numpy
try:
    import numpy as np
except ImportError:
    np = None
if np is not None:
    run, wanted = begin(exp), {}
    for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float16", "float32", "float64"):
        run.log(kind, getattr(np, kind)(3))
        wanted[kind] = 3.0 if kind.startswith("float") else 3
    run.log("bool", np.bool_(True))
    run.log("str", np.str_("abc"))
    run.log_list("array", np.array([1, 2, 3]))
    run.log_list("floats", np.array([0.5, 1.5]))
    run.log_row("row", x=np.float32(0.5), n=np.int64(2))
    run.log_table("table", {"x": np.array([0.5, 1.5]), "n": np.arange(2)})
    wanted.update({"bool": True, "str": "abc", "array": [1, 2, 3], "floats": [0.5, 1.5]})
    wanted.update({"row": {"x": 0.5, "n": 2}, "table": {"x": [0.5, 1.5], "n": [0, 1]}})
    metrics = run.get_metrics()
    for name, value in wanted.items():
        same_values(metrics.get(name), value, f"numpy's {name}")
""",
    )


def test_files_snapshots_and_models_of_a_run_are_kept_as_in_v1(run_script, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / "top.txt").write_text("top")
    (tmp_path / "folder" / "sub" / "deep.txt").write_text("deep")
    (tmp_path / "source").mkdir()
    for name in ("train.py", "big.csv", "kept.log"):
        (tmp_path / "source" / name).write_text(name)
    (tmp_path / "source" / ".amlignore").write_text("*.csv\n")
    (tmp_path / "source" / ".gitignore").write_text("*.log\n")
    run_rows(
        run_script,
        """
import zipfile

exp = Experiment(ws, "files")
run = begin(exp)

# upload_file, upload_files, upload_folder
run.upload_file("a/notes.txt", "notes.txt")
run.upload_file(name="stream.bin", path_or_stream=io.BytesIO(b"bytes"), datastore_name=None)
told = "UserError: Resource Conflict: ArtifactId "
error = refused(AzureMLAggregatedException, run.upload_file, "a/notes.txt", "notes.txt", says=told)
assert "a/notes.txt already exists." in error.message, error.message
refused(FileNotFoundError, run.upload_file, "b.txt", "missing.txt")
refused(UserErrorException, run.upload_file, "b.txt", 5)
run.upload_files(["one.txt", "two.txt"], ["notes.txt", "folder/top.txt"], timeout_seconds=60)
same(set(run.upload_files(["three.txt"], ["notes.txt"], return_artifacts=True)), {"three.txt"}, "the artifacts")
refused(TypeError, run.upload_files, ["four.txt", "five.txt"], ["notes.txt"])
run.upload_folder("everything", "folder")
refused(UserErrorException, run.upload_folder, "nothing", "notes.txt")

# get_file_names, download_file
names = run.get_file_names()
assert isinstance(names, list)
wanted = {"a/notes.txt", "stream.bin", "one.txt", "two.txt", "three.txt", "everything/top.txt", "everything/sub/deep.txt"}
same(set(names), wanted, "the names of the files")
run.download_file("everything/sub/deep.txt")
same(Path("deep.txt").read_text(), "deep", "a file in the current folder")
os.makedirs("there")
run.download_file("a/notes.txt", "there")
same(Path("there", "notes.txt").read_text(), "notes", "a file in a folder that is there")
run.download_file("stream.bin", output_file_path="new/folders/renamed.bin")
same(Path("new", "folders", "renamed.bin").read_bytes(), b"bytes", "a file in folders that are made")
told = "File with path b.txt was not found,\\navailable files include: "
error = refused(UserErrorException, run.download_file, "b.txt", says=told)
assert "everything/top.txt" in error.message, error.message

# download_files
def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())

run.download_files(prefix="everything", output_directory="some")
same(below("some"), ["everything/sub/deep.txt", "everything/top.txt"], "the files of a prefix")
run.download_files("everything", "bare", append_prefix=False)
same(below("bare"), ["sub/deep.txt", "top.txt"], "the files without their prefix")
run.download_files("everything", "chosen", output_paths=["x.txt", "y.txt"], batch_size=1, timeout_seconds=60)
same(below("chosen"), ["x.txt", "y.txt"], "the files under names of one's own")
run.download_files(output_directory="all")
same(set(below("all")), wanted, "all files")
same(run.download_files(prefix="unknown/", output_directory="none"), None, "an unknown prefix")
assert not os.path.isdir("none") or not below("none"), "an unknown prefix downloads nothing"
same(run.get_all_logs(), [], "the logs of a run that has none")

# take_snapshot, get_snapshot_id, restore_snapshot
same(run.get_snapshot_id(), None, "the snapshot of a run without one")
refused(SnapshotException, run.restore_snapshot)
run.take_snapshot("source")
snapshot_id = run.get_snapshot_id()
same(run.get_properties()["ContentSnapshotId"], snapshot_id, "the property that has the snapshot")
refused(SnapshotException, run.take_snapshot, "source")
path = run.restore_snapshot(path="restored/here")
same(path, os.path.abspath(f"restored/here/{snapshot_id}.zip"), "where a snapshot is restored")
kept = set(zipfile.ZipFile(path).namelist())
assert {"train.py", "kept.log"} <= kept and "big.csv" not in kept, f"amlignore wins, and is not merged: {kept}"
temporary = run.restore_snapshot(snapshot_id=snapshot_id)
assert os.path.isabs(temporary) and temporary.endswith(f"{snapshot_id}.zip"), temporary
os.remove(temporary)
os.remove("source/.amlignore")
os.chdir("source")
taken = exp.start_logging(outputs=False)
os.chdir("..")
kept = set(zipfile.ZipFile(taken.restore_snapshot(path="git")).namelist())
assert {"train.py", "big.csv"} <= kept and "kept.log" not in kept, f"without one gitignore counts: {kept}"

# Outputs of an interactive run
os.makedirs("outputs", exist_ok=True)
Path("outputs", "model.bin").write_bytes(b"weights")
for end in ("complete", "fail"):
    ended = begin(exp)
    getattr(ended, end)()
    same(ended.get_file_names(), ["outputs/model.bin"], f"the outputs after {end}()")
without = begin(exp, outputs=False)
without.complete()
same(without.get_file_names(), [], "the files of a run without outputs")

# register_model
model = run.register_model("notes", "a/notes.txt", tags={"a": "b"}, properties={"c": "d"}, description="some")
same((model.name, model.version, model.tags, model.run_id), ("notes", 1, {"a": "b"}, run.id), "the model")
same((model.properties, model.description), ({"c": "d"}, "some"), "what is known of the model")
same(run.register_model(model_name="notes", model_path="everything").version, 2, "the next version, a folder")
same(run.register_model("one.txt").name, "one.txt", "a model whose path is its name")
framed = run.register_model("framed", "two.txt", model_framework="ScikitLearn", model_framework_version="1.5")
same((framed.model_framework, framed.model_framework_version), ("ScikitLearn", "1.5"), "the framework")
refused(ModelPathNotFoundException, run.register_model, "lost", "missing.bin", says="a/notes.txt")
for each in (run, taken):
    each.complete()
""",
    )


def test_children_and_the_offline_run_are_as_in_v1(run_script, tmp_path):
    (tmp_path / "child.py").write_text("from azureml.core import Run\nRun.get_context().log('n', 1)\n")
    run_rows(
        run_script,
        """
from azureml.core.run import _OfflineRun

exp = Experiment(ws, "children")
top = begin(exp, tags={"level": "0"})

# child_run
child = top.child_run()
same((child.get_status(), child.parent.id), ("Running", top.id), "a child: its status and its parent")
named = top.child_run(name="named", run_id="the-id-of-a-child", outputs="kept")
same((named.id, named.name), ("the-id-of-a-child", f"run_{top.id}>named"), "a child with a name and an id")
os.makedirs("kept", exist_ok=True)
Path("kept", "a.txt").write_text("a")
named.complete()
same(named.get_file_names(), ["kept/a.txt"], "the outputs of a child")
with top.child_run("block") as block:
    deep = block.child_run("deep")
    deep.set_tags({"level": "2"})
    deep.add_properties({"p": "q"})

# create_children
counted = top.create_children(count=3)
assert isinstance(counted, list) and {each.get_status() for each in counted} == {"Running"}, counted
same([each.get_tags() for each in counted], [{"azureml.batch_child_number": str(n)} for n in range(3)], "their tags")
tagged = top.create_children(tag_key="rate", tag_values=["low", "high"])
same([each.get_tags() for each in tagged], [{"rate": "low"}, {"rate": "high"}], "the tags in order")
for arguments in ({}, {"tag_key": "rate"}, {"count": 1, "tag_key": "rate", "tag_values": ["low"]}, {"count": 101}):
    refused(UserErrorException, top.create_children, **arguments)

# submit_child
submitted = top.submit_child(ScriptRunConfig(".", "child.py"), tags={"kind": "script"})
same((submitted.parent.id, submitted.get_tags(), type(submitted)), (top.id, {"kind": "script"}, ScriptRun), "a script")
submitted.wait_for_completion()
same((submitted.get_status(), submitted.get_metrics()), ("Completed", {"n": 1}), "how it went")

# get_children
def ids(runs):
    return [each.id for each in runs]

assert isinstance(top.get_children(), types.GeneratorType), "get_children is a generator"
assert str(top.get_children()).startswith("<generator object"), str(top.get_children())
found = ids(top.get_children())
same(found[0], submitted.id, "the newest child")
same(found[-3:], [block.id, named.id, child.id], "the oldest children")
same(set(found[1:-3]), set(ids(counted + tagged)), "the children that were made at once")
same(set(ids(top.get_children(recursive=True))) - set(found), {deep.id}, "what recursive adds")
assert top.id not in ids(top.get_children(recursive=True)), "the run itself"
same(ids(block.get_children(recursive=True)), [deep.id], "those from the middle of a tree")
same(ids(top.get_children(tags={"rate": "low"})), [tagged[0].id], "the children of a tag")
same(set(ids(top.get_children(tags="rate"))), set(ids(tagged)), "the children that have a tag")
same(ids(top.get_children(recursive=True, properties={"p": "q"})), [deep.id], "those of a property")
same(ids(top.get_children(type="azureml.scriptrun")), [submitted.id], "those of a type")
same(set(ids(top.get_children(status="Completed"))), {named.id, block.id, submitted.id}, "those of a status")

# Statuses are independent.
counted[0].fail("broken")
top.complete()
states = (top.get_status(), counted[0].get_status(), counted[1].get_status(), deep.get_status())
same(states, ("Completed", "Failed", "Running", "Running"), "the statuses of a tree")
for each in (child, deep, *counted[1:], *tagged):
    each.complete()

# get_context without a run
error = refused(RunEnvironmentException, Run.get_context, allow_offline=False, says="start_logging")
refused(RunEnvironmentException, Run.get_submitted_run)
run = Run.get_context()
assert type(run) is _OfflineRun and not isinstance(run, Run), type(run)
assert type(Run.get_context(allow_offline=True, used_for_context_manager=False)) is _OfflineRun
uuid.UUID(run.id[len("OfflineRun_"):])
assert run.id.startswith("OfflineRun_"), run.id

# What it prints
for call, arguments, wanted in (
    (run.log, ("loss", 0.5), "Attempted to log scalar metric loss:\\n0.5\\n"),
    (run.log_list, ("many", [1, 2]), "Attempted to log list metric many:\\n[1, 2]\\n"),
    (run.log_table, ("table", {"x": [1]}), "Attempted to log table metric table:\\n{'x': [1]}\\n"),
    (run.log_image, ("image", "a.png"), "Attempted to log image metric image:\\na.png\\n"),
    (run.log_residuals, ("r", {"a": 1}), "Attempted to log residual metric r:\\n{'a': 1}\\n"),
    (run.log_predictions, ("p", {"a": 1}), "Attempted to log predictions metric p:\\n{'a': 1}\\n"),
    (run.log_accuracy_table, ("a", {"a": 1}), "Attempted to log accuracy_table metric a:\\n{'a': 1}\\n"),
    (run.log_confusion_matrix, ("c", {"a": 1}), "Attempted to log confusion_matrix metric c:\\n{'a': 1}\\n"),
    (run.tag, ("K", "V"), "Attempted to add tag K with value V\\n"),
    (run.tag, ("K",), "Attempted to add tag K with value None\\n"),
    (run.set_tags, ({"a": "b"},), "Attempted to set tags {'a': 'b'}\\n"),
    (run.add_properties, ({"a": "b"},), "Attempted to add properties {'a': 'b'}\\n"),
    (run.upload_file, ("N", "P"), "Attempted to track file N at P\\n"),
    (run.upload_folder, ("N", "P"), "Attempted to track folder N at P\\n"),
    (run.upload_files, (["N"], ["P"]), "Attempted to track files ['N'] at ['P'] with timeout Nones\\n"),
    (run.flush, (), f"Attempted to flush run with id {run.id}\\n"),
    (run.fail, ("details", "C"), "Run failed with error code C:\\ndetails\\n"),
    (run.complete, (), ""),
    (run.cancel, (), ""),
):
    same_values(printed(call, *arguments), wanted, f"what {call.__name__} prints")
shown = printed(run.log_row, "row", x=1, y=2)
same(shown, "Attempted to log row metric row:\\n{'x': 1, 'y': 2}\\n", "what log_row prints")
with contextlib.redirect_stdout(io.StringIO()) as text:
    with run as entered:
        assert entered is run
same(text.getvalue(), f"[START] Run {run.id} context\\n[STOP] Run {run.id} context\\n", "what a with-block prints")
same(run.child_run("kid").id, f"{run.id}.kid", "the id of an offline child")
""",
    )
