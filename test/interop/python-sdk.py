"""The calls of a Lakebase user, by the unmodified SDK. Prints one JSON object a step; a failed assertion ends it.

usage: python-sdk.py INSTANCE DATABASE   with DATABRICKS_HOST and DATABRICKS_TOKEN, and STRANGER_TOKEN of a role
without rights in the environment
"""

import base64
import io
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from databricks.sdk import WorkspaceClient
from databricks.sdk import errors
from databricks.sdk.service import catalog, database, iam, jobs, pipelines, postgres, workspace

INSTANCE, DATABASE = sys.argv[1:]
SNAPSHOT = database.SyncedTableSchedulingPolicy.SNAPSHOT
ONLINE = database.SyncedTableState.SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE
FAILED = {
    database.SyncedTableState.SYNCED_TABLE_OFFLINE_FAILED,
    database.SyncedTableState.SYNCED_TABLE_ONLINE_PIPELINE_FAILED,
    database.SyncedTableState.SYNCED_TABLED_OFFLINE,
}

w = WorkspaceClient(host=os.environ["DATABRICKS_HOST"], token=os.environ["DATABRICKS_TOKEN"])
stranger = WorkspaceClient(host=os.environ["DATABRICKS_HOST"], token=os.environ["STRANGER_TOKEN"])


def say(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def raised(call):
    """Names of the class of the error that `call` ends with, and of its parents that are the SDK's."""
    try:
        call()
    except errors.DatabricksError as error:
        return [each.__name__ for each in type(error).__mro__ if issubclass(each, errors.DatabricksError)]
    raise AssertionError("no error")


def spec(policy=SNAPSHOT, source="lake.gold.t", **more):
    return database.SyncedTableSpec(
        source_table_full_name=source, primary_key_columns=["id"], scheduling_policy=policy, **more
    )


def online(name, wanted=ONLINE):
    deadline = time.monotonic() + 60
    while True:
        table = w.database.get_synced_database_table(name)
        state = table.data_synchronization_status.detailed_state
        assert state not in FAILED, table.as_dict()
        if state == wanted:
            return table
        assert time.monotonic() < deadline, table.as_dict()
        time.sleep(0.2)


def ended(pipeline_id, update_id):
    deadline = time.monotonic() + 60
    while True:
        update = w.pipelines.get_update(pipeline_id=pipeline_id, update_id=update_id).update
        if update.state.value in ("COMPLETED", "FAILED", "CANCELED"):
            return update
        assert time.monotonic() < deadline, update.as_dict()
        time.sleep(0.2)


def in_a_database_catalog():
    made = w.database.create_database_catalog(
        database.DatabaseCatalog(name="app", database_instance_name=INSTANCE, database_name=DATABASE)
    )
    assert made.uid == w.database.get_database_catalog("app").uid
    created = w.database.create_synced_database_table(
        database.SyncedDatabaseTable(
            name="app.gold.a",
            spec=spec(
                new_pipeline_spec=database.NewPipelineSpec(storage_catalog="lake", storage_schema="gold"),
            ),
        )
    )
    assert created.data_synchronization_status.pipeline_id
    assert created.effective_logical_database_name == DATABASE
    table = online("app.gold.a")
    assert table.spec.scheduling_policy == SNAPSHOT
    assert table.spec.new_pipeline_spec.storage_catalog == "lake"
    last_sync = table.data_synchronization_status.last_sync
    say("database catalog", version=last_sync.delta_table_sync_info.delta_commit_version)
    return table.data_synchronization_status.pipeline_id


def in_a_standard_catalog():
    w.database.create_synced_database_table(
        database.SyncedDatabaseTable(
            name="standard.made.b",
            database_instance_name=INSTANCE,
            logical_database_name=DATABASE,
            spec=spec(create_database_objects_if_missing=True),
        )
    )
    online("standard.made.b")
    names = sorted(table.name for table in w.database.list_synced_database_tables(INSTANCE))
    assert [each.name for each in w.database.list_database_catalogs(INSTANCE)] == ["app"]
    say("standard catalog", names=names)


def at_once():
    """Ten creations at the same moment, in one pipeline, in ten, and of one name."""

    def create(name, **more):
        asked = database.SyncedDatabaseTable(name=name, spec=spec(**more))
        return w.database.create_synced_database_table(asked).data_synchronization_status.pipeline_id

    def tried(name):
        try:
            return create(name) and "made"
        except errors.AlreadyExists:
            return "exists"

    shared = create("app.many.first")
    with ThreadPoolExecutor(10) as threads:
        together = [f"app.many.t{i}" for i in range(10)]
        alone = [f"app.many.a{i}" for i in range(10)]
        in_one = list(threads.map(lambda name: create(name, existing_pipeline_id=shared), together))
        # Of another source, for one feeds no more than twenty.
        in_ten = list(threads.map(lambda name: create(name, source="lake.gold.feed"), alone))
        same = sorted(threads.map(tried, ["app.many.same"] * 10))
    names = ["app.many.first", *together, *alone, "app.many.same"]
    for name in names:
        online(name)
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda name: w.database.delete_synced_database_table(name, purge_data=True), names))
    gone = {raised(lambda: w.tables.get(name))[0] for name in names}
    say("at once", one=len(set(in_one)), ten=len(set(in_ten)), same=same.count("made"), gone=sorted(gone))


def extras():
    """What later versions of the SDK have of the `postgres` service only, and of indexes not at all."""
    if not hasattr(database, "SyncedTableSpecExtraColumn"):
        return {}
    return {
        "extra_columns": [
            database.SyncedTableSpecExtraColumn(
                column_name="shout",
                column_type="text",
                compute="upper(note)",
                maintenance=database.SyncedTableSpecExtraColumnMaintenance.STORED_GENERATED,
            )
        ],
        "extra_index_definitions": [
            database.SyncedTableSpecSecondaryIndex(
                name="by_note",
                definition="(note)",
                creation_point=database.SyncedTableSpecSecondaryIndexCreationPoint.CREATION_POINT_AFTER_DATA_LOAD,
            ),
        ],
    }


def rules():
    """Where a table goes, and what a request may leave out; what was asked for comes back."""

    def refused(name, instance=None, logical=None, **more):
        asked = database.SyncedDatabaseTable(
            name=name, database_instance_name=instance, logical_database_name=logical, spec=spec(**more)
        )
        return raised(lambda: w.database.create_synced_database_table(asked))[0]

    asked = spec(
        timeseries_key="note",
        accelerated_sync=True,
        **extras(),
        type_overrides=[
            database.SyncedTableSpecTypeOverride(
                column_name="note",
                pg_type=database.SyncedTableSpecPgSpecificType.PG_SPECIFIC_TYPE_VARCHAR,
                size=9,
            )
        ],
    )
    both = database.SyncedDatabaseTable(
        name="app.gold.full", database_instance_name=INSTANCE, logical_database_name=DATABASE, spec=asked
    )
    w.database.create_synced_database_table(both)
    told = online("app.gold.full")
    w.database.delete_synced_database_table("app.gold.full", purge_data=True)
    say(
        "rules",
        echoed={key: told.spec.as_dict().get(key) == value for key, value in asked.as_dict().items()},
        other_instance=refused("app.gold.x", instance="other"),
        other_database=refused("app.gold.x", logical="other"),
        no_instance=refused("standard.gold.x", logical=DATABASE),
        no_database=refused("standard.gold.x", instance=INSTANCE),
        no_such_instance=refused("standard.gold.x", instance="other", logical=DATABASE),
        no_such_database=refused("standard.gold.x", instance=INSTANCE, logical="nowhere"),
        no_schema=refused("app.nowhere.x", create_database_objects_if_missing=False),
        no_source_catalog=refused("app.gold.x", source="nowhere.gold.t"),
        no_pipeline=refused("app.gold.x", existing_pipeline_id="00000000-0000-4000-8000-000000000000"),
    )


def sources():
    """The tables of the lakehouse, for who may have them copied."""
    table = w.tables.get("lake.gold.t")
    listed = [each.full_name for each in w.tables.list("lake", "gold", max_results=1)]
    say(
        "sources",
        type=table.table_type.value,
        format=table.data_source_format.value,
        columns=[[each.name, each.type_name.value] for each in table.columns],
        is_file=table.storage_location.startswith("file:///"),
        schemas=[each.full_name for each in w.schemas.list("lake")],
        listed=sorted(listed),
        summaries=sorted(each.full_name for each in w.tables.list_summaries("lake")),
        exists=w.tables.exists("lake.gold.t").table_exists,
        missing=raised(lambda: w.tables.get("lake.gold.nothing"))[0],
        invisible=raised(lambda: stranger.tables.get("lake.gold.t"))[0],
    )


def updates(pipeline_id):
    started = w.pipelines.start_update(pipeline_id=pipeline_id, full_refresh=True)
    update = ended(pipeline_id, started.update_id)
    pipeline = w.pipelines.get(pipeline_id)
    listed = w.pipelines.list_updates(pipeline_id).updates
    assert started.update_id in [each.update_id for each in listed], listed
    events = list(w.pipelines.list_pipeline_events(pipeline_id, max_results=2))
    assert [each.id for each in w.pipelines.list_pipeline_events(pipeline_id, filter=f"id='{events[0].id}'")] == [
        events[0].id
    ]
    assert pipeline_id in [each.pipeline_id for each in w.pipelines.list_pipelines()]
    stopped = w.pipelines.stop_and_wait(pipeline_id)
    assert stopped.state == pipelines.PipelineState.IDLE
    say(
        "pipeline",
        state=update.state.value,
        full_refresh=update.full_refresh,
        updates=len(listed),
        pipeline=pipeline.name,
        events=len(events),
    )


def of_a_change_feed():
    """Two TRIGGERED tables in one pipeline, and a CONTINUOUS one that is stopped while it follows its source."""

    def create(name, policy, **more):
        table = database.SyncedDatabaseTable(name=name, spec=spec(policy, "lake.gold.feed", **more))
        return w.database.create_synced_database_table(table).data_synchronization_status.pipeline_id

    policies = database.SyncedTableSchedulingPolicy
    shared = create("app.gold.first", policies.TRIGGERED)
    online("app.gold.first")
    assert create("app.gold.second", policies.TRIGGERED, existing_pipeline_id=shared) == shared
    online("app.gold.second")
    started = w.pipelines.start_update(pipeline_id=shared, full_refresh_selection=["app.gold.second"])
    update = ended(shared, started.update_id)
    following = create("app.gold.following", policies.CONTINUOUS)
    online("app.gold.following", database.SyncedTableState.SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE)
    assert w.pipelines.get(following).spec.continuous
    running = w.pipelines.get(following).state
    # What follows its source is an update that is under way: it is stopped first.
    conflict = raised(lambda: w.pipelines.start_update(following, full_refresh=True))
    stopped = w.pipelines.stop_and_wait(following).state
    ended(following, w.pipelines.start_update(following, full_refresh=True).update_id)
    online("app.gold.following", database.SyncedTableState.SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE)
    for name in ("first", "second", "following"):
        w.database.delete_synced_database_table(f"app.gold.{name}", purge_data=True)
    say(
        "change feed",
        selected=update.state.value,
        selection=update.full_refresh_selection,
        running=running.value,
        conflict=conflict,
        stopped=stopped.value,
    )


def of_flows():
    """A pipeline that is made from a file, run, changed and deleted."""
    library = pipelines.PipelineLibrary(file=pipelines.FileLibrary(path="/Users/ada/orders.sql"))
    made = w.pipelines.create(name="orders", catalog="app", schema="silver", libraries=[library])
    checked = ended(made.pipeline_id, w.pipelines.start_update(made.pipeline_id, validate_only=True).update_id)
    assert not w.tables.exists("app.silver.orders").table_exists
    ended(made.pipeline_id, w.pipelines.start_update(made.pipeline_id).update_id)
    w.pipelines.update(made.pipeline_id, name="renamed", catalog="app", schema="silver", libraries=[library])
    pipeline = w.pipelines.get(made.pipeline_id)
    wrong = raised(lambda: w.pipelines.create(name="renamed", catalog="app", schema="silver", libraries=[library]))
    missing = pipelines.PipelineLibrary(file=pipelines.FileLibrary(path="/nothing.sql"))
    dry = w.pipelines.create(name="dry", schema="dry", libraries=[library], dry_run=True)
    say(
        "flows",
        name=pipeline.name,
        path=pipeline.spec.libraries[0].file.path,
        schema=pipeline.spec.schema,
        again=wrong,
        missing=raised(lambda: w.pipelines.create(name="x", libraries=[missing])),
        dry=[dry.pipeline_id, dry.effective_settings.name],
        checked=[checked.state.value, checked.validate_only],
    )
    w.pipelines.delete(made.pipeline_id)
    made = w.pipelines.create(name="orders", catalog="app", schema="silver", libraries=[library])
    w.pipelines.delete(made.pipeline_id)


def recreated():
    """What declarative tools do when a field has changed: delete, and create under the same name."""
    name = "app.again.t"

    def create(**more):
        w.database.create_synced_database_table(database.SyncedDatabaseTable(name=name, spec=spec(**more)))
        return online(name)

    create()
    for key in (["id", "note"], ["id"]):
        w.database.delete_synced_database_table(name)
        changed = spec(create_database_objects_if_missing=True)
        changed.primary_key_columns = key
        w.database.create_synced_database_table(database.SyncedDatabaseTable(name=name, spec=changed))
        online(name)
    other = w.database.get_synced_database_table("APP.Again.T").name
    w.tables.delete(name)
    twice = raised(lambda: w.database.delete_synced_database_table(name))
    w.database.delete_synced_database_table(name, purge_data=True)
    say("recreated", other=other.lower(), twice=twice, gone=raised(lambda: w.tables.get(name)))


def of_jobs(pipeline_id):
    """A job as Terraform's databricks_job makes it."""
    task = jobs.Task(task_key="sync", pipeline_task=jobs.PipelineTask(pipeline_id=pipeline_id))
    schedule = jobs.CronSchedule(quartz_cron_expression="0 0 6 ? * 2-6", timezone_id="Europe/Berlin")
    made = w.jobs.create(name="refresh", tasks=[task], schedule=schedule)
    job = w.jobs.get(made.job_id)
    run = w.jobs.run_now(made.job_id).result()
    w.jobs.update(made.job_id, fields_to_remove=["schedule"])
    say(
        "jobs",
        name=job.settings.name,
        cron=job.settings.schedule.quartz_cron_expression,
        listed=[each.settings.name for each in w.jobs.list(name="refresh")],
        result=run.state.result_state.value,
        runs=[each.run_id == run.run_id for each in w.jobs.list_runs(job_id=made.job_id)],
        again=raised(lambda: w.jobs.create(name="refresh", tasks=[task])),
        unscheduled=w.jobs.get(made.job_id).settings.schedule is None,
        notebook=raised(
            lambda: w.jobs.create(
                tasks=[jobs.Task(task_key="n", notebook_task=jobs.NotebookTask(notebook_path="/n"))]
            )
        ),
    )
    w.jobs.delete(made.job_id)
    assert raised(lambda: w.jobs.get(made.job_id))


def files_and_permissions(pipeline_id):
    """What bundles and Terraform ask for, by the SDK."""
    home = "/Workspace/Users/" + w.current_user.me().user_name
    w.workspace.mkdirs(home + "/sdk/deep")
    w.workspace.upload(home + "/sdk/a.sql", io.BytesIO(b"select 1"), format=workspace.ImportFormat.AUTO)
    w.workspace.import_(home + "/sdk/deep/b.txt", content="Yg==", format=workspace.ImportFormat.AUTO)
    folder = w.workspace.get_status(home + "/sdk")
    me = iam.AccessControlRequest(
        user_name=w.current_user.me().user_name, permission_level=iam.PermissionLevel.CAN_MANAGE
    )
    owners = w.permissions.set("directories", str(folder.object_id), access_control_list=[me]).access_control_list
    made = w.schemas.create("staging", "main", comment="one")
    change = catalog.PermissionsChange(principal="all", add=[catalog.Privilege.USE_SCHEMA])
    w.grants.update("SCHEMA", made.full_name, changes=[change])
    say(
        "files",
        content=w.workspace.download(home + "/sdk/a.sql").read().decode(),
        again=raised(
            lambda: w.workspace.upload(home + "/sdk/a.sql", io.BytesIO(b"x"), format=workspace.ImportFormat.AUTO)
        ),
        names=sorted(each.path[len(home) :] for each in w.workspace.list(home, recursive=True)),
        kind=folder.object_type.value,
        full=raised(lambda: w.workspace.delete(home + "/sdk")),
        is_owner=[each.user_name for each in owners] == [me.user_name],
        pipeline=[
            each.all_permissions[0].permission_level.value
            for each in w.permissions.get("pipelines", pipeline_id).access_control_list
        ],
        comment=w.schemas.update(made.full_name, comment="two").comment,
        grants=[each.principal for each in w.grants.get("SCHEMA", made.full_name).privilege_assignments],
        twin=raised(lambda: w.schemas.create("STAGING", "main")),
    )
    w.schemas.delete(made.full_name)
    w.workspace.delete(home + "/sdk", recursive=True)
    assert raised(lambda: w.workspace.get_status(home + "/sdk"))


def credentials():
    instance = w.database.get_database_instance(INSTANCE)
    assert instance.state == database.DatabaseInstanceState.AVAILABLE
    assert w.database.find_database_instance_by_uid(uid=instance.uid).name == INSTANCE
    assert INSTANCE in [each.name for each in w.database.list_database_instances()]
    token = w.database.generate_database_credential(instance_names=[INSTANCE], request_id="1").token
    body = token.split(".")[1]
    me = w.current_user.me()
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["sub"] == me.user_name
    say("credential", token=token, user=me.user_name, workspace=w.get_workspace_id())


def exceptions():
    again = database.SyncedDatabaseTable(name="app.gold.a", spec=spec())
    wrong = database.SyncedTableSpec(source_table_full_name="lake.gold.t", scheduling_policy=SNAPSHOT)
    say(
        "exceptions",
        missing=raised(lambda: w.database.get_synced_database_table("app.gold.nothing")),
        again=raised(lambda: w.database.create_synced_database_table(again)),
        no_key=raised(
            lambda: w.database.create_synced_database_table(
                database.SyncedDatabaseTable(name="app.gold.wrong", spec=wrong)
            )
        ),
        bad_name=raised(lambda: w.database.get_synced_database_table("nothing")),
        update=raised(lambda: w.database.update_synced_database_table("app.gold.a", again, "spec")),
        invisible=raised(lambda: stranger.database.get_synced_database_table("app.gold.a")),
        not_allowed=raised(
            lambda: stranger.database.create_database_catalog(
                database.DatabaseCatalog(name="theirs", database_instance_name=INSTANCE, database_name=DATABASE)
            )
        ),
        no_table=raised(lambda: w.tables.get("app.gold.nothing")),
        no_catalog=raised(lambda: w.catalogs.get("nothing")),
        no_pipeline=raised(lambda: w.pipelines.get("00000000-0000-4000-8000-000000000000")),
        no_token=raised(
            lambda: WorkspaceClient(host=os.environ["DATABRICKS_HOST"], token="wrong").current_user.me()
        ),
    )


def unity_catalog():
    table = w.tables.get("standard.made.b")
    assert table.columns[0].type_name == catalog.ColumnTypeName.LONG
    assert w.tables.exists("standard.made.b").table_exists
    say(
        "unity catalog",
        catalogs=sorted(each.name for each in w.catalogs.list()),
        online=w.catalogs.get("app").catalog_type.value,
        schemas=[each.full_name for each in w.schemas.list("standard")],
        tables=[each.full_name for each in w.tables.list("app", "gold")],
        summaries=[each.full_name for each in w.tables.list_summaries("standard")],
        key=[each.primary_key_constraint.child_columns for each in table.table_constraints],
        columns=[[each.name, each.type_text] for each in table.columns],
        metastore=w.metastores.summary().name,
    )


def projects():
    branch = f"projects/{INSTANCE}/branches/production"
    policy = postgres.SyncedTableSyncedTableSpecSyncedTableSchedulingPolicy.SNAPSHOT
    asked = postgres.SyncedTable(
        spec=postgres.SyncedTableSyncedTableSpec(
            branch=branch,
            postgres_database=DATABASE,
            source_table_full_name="lake.gold.t",
            primary_key_columns=["id"],
            scheduling_policy=policy,
            extra_columns=[
                postgres.SyncedTableSyncedTableSpecExtraColumn(
                    column_name="shout",
                    column_type="text",
                    compute="upper(note)",
                    maintenance=postgres.SyncedTableSyncedTableSpecExtraColumnMaintenance.STORED_GENERATED,
                )
            ],
            type_overrides=[
                postgres.SyncedTableSyncedTableSpecTypeOverride(
                    column_name="note",
                    pg_type=postgres.SyncedTableSyncedTableSpecPgSpecificType.PG_SPECIFIC_TYPE_VARCHAR,
                    size=9,
                )
            ],
        )
    )
    made = w.postgres.create_synced_table(asked, "standard.made.c").wait()
    assert made.name == "synced_tables/standard.made.c", made.as_dict()
    online("standard.made.c")
    status = w.postgres.get_synced_table(made.name).status
    echoed = w.postgres.get_synced_table(made.name).spec.as_dict()
    assert {key: echoed.get(key) for key in asked.spec.as_dict()} == asked.spec.as_dict(), echoed
    assert status.last_sync_time is not None
    again = raised(lambda: w.postgres.create_synced_table(asked, "standard.made.c"))
    w.postgres.delete_synced_table(made.name).wait()
    endpoint = f"{branch}/endpoints/primary"
    assert [each.name for each in w.postgres.list_endpoints(branch)] == [endpoint]
    credential = w.postgres.generate_database_credential(endpoint)
    assert credential.expire_time is not None
    # Later versions of the SDK have no calls for these.
    tables = "/api/2.0/postgres/tables"
    place = {"name": "other.gold.a", "database": f"{branch}/databases/{DATABASE}"}
    registered = w.api_client.do("POST", tables, body=place)
    assert w.api_client.do("GET", f"{tables}/other.gold.a") == registered
    w.api_client.do("DELETE", f"{tables}/other.gold.a")
    asked = postgres.Catalog(
        spec=postgres.CatalogCatalogSpec(
            postgres_database=DATABASE, branch=branch, create_database_if_missing=True
        )
    )
    lakebase = w.postgres.create_catalog(asked, "lakebase").wait()
    assert lakebase.uid == w.postgres.get_catalog("catalogs/lakebase").uid
    assert lakebase.spec.as_dict() == asked.spec.as_dict(), lakebase.as_dict()
    w.postgres.delete_catalog(lakebase.name).wait()
    say(
        "postgres service",
        catalog=lakebase.name,
        project=lakebase.status.project,
        registered=registered["branch"],
        no_catalog=raised(lambda: w.postgres.get_catalog(lakebase.name)),
        no_registered=raised(lambda: w.api_client.do("GET", f"{tables}/other.gold.a")),
        state=status.detailed_state.value,
        again=again,
        gone=raised(lambda: w.postgres.get_synced_table(made.name)),
        projects=[each.name for each in w.postgres.list_projects()],
        token=credential.token,
    )


def deletion():
    w.database.delete_synced_database_table("app.gold.a")
    w.tables.delete("standard.made.b")
    w.database.delete_database_catalog("app")
    say("deletion", left=[table.name for table in w.database.list_synced_database_tables(INSTANCE)])


if __name__ == "__main__":
    pipeline = in_a_database_catalog()
    in_a_standard_catalog()
    at_once()
    rules()
    sources()
    updates(pipeline)
    of_a_change_feed()
    of_flows()
    recreated()
    of_jobs(pipeline)
    files_and_permissions(pipeline)
    credentials()
    exceptions()
    unity_catalog()
    projects()
    deletion()
