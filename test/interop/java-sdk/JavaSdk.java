import com.databricks.sdk.WorkspaceClient;
import com.databricks.sdk.core.DatabricksConfig;
import com.databricks.sdk.core.DatabricksError;
import com.databricks.sdk.core.DatabricksException;
import com.databricks.sdk.service.catalog.ListTablesRequest;
import com.databricks.sdk.service.database.*;
import com.databricks.sdk.service.iam.*;
import com.databricks.sdk.service.jobs.*;
import com.databricks.sdk.service.pipelines.*;
import com.databricks.sdk.service.postgres.CatalogCatalogSpec;
import com.databricks.sdk.service.postgres.SyncedTableSyncedTableSpec;
import com.databricks.sdk.service.postgres.SyncedTableSyncedTableSpecSyncedTableSchedulingPolicy;
import java.util.ArrayList;
import java.util.List;

/**
 * The calls of a Lakebase user, by the unmodified Java SDK. Prints one line a step, name and outcome; whatever else is thrown
 * ends it. Arguments: instance, database, name of the caller; DATABRICKS_HOST and DATABRICKS_TOKEN in the environment.
 */
public final class JavaSdk {
  private static WorkspaceClient w;

  private static WorkspaceClient client(String token) {
    return new WorkspaceClient(
        new DatabricksConfig().setHost(System.getenv("DATABRICKS_HOST")).setToken(token).setAuthType("pat"));
  }

  private static void say(String step, Object found) {
    System.out.println(step + "\t" + found);
  }

  /** The class of the error that a call ends with. */
  private static String raised(Runnable call) {
    try {
      call.run();
    } catch (DatabricksError error) {
      return error.getClass().getSimpleName();
    } catch (DatabricksException error) {
      // It repeats what is answered with 5xx, and then wraps it.
      if (error.getCause() instanceof DatabricksError) return error.getCause().getClass().getSimpleName();
      throw error;
    }
    throw new AssertionError("no error");
  }

  private static SyncedTableSpec spec() {
    return new SyncedTableSpec()
        .setSourceTableFullName("lake.gold.t")
        .setPrimaryKeyColumns(List.of("id"))
        .setSchedulingPolicy(SyncedTableSchedulingPolicy.SNAPSHOT)
        .setCreateDatabaseObjectsIfMissing(true);
  }

  private static void create(String name, SyncedTableSpec spec) {
    w.database().createSyncedDatabaseTable(
        new CreateSyncedDatabaseTableRequest().setSyncedTable(new SyncedDatabaseTable().setName(name).setSpec(spec)));
  }

  private static SyncedDatabaseTable online(String name) throws InterruptedException {
    for (long end = System.currentTimeMillis() + 60_000; ; Thread.sleep(200)) {
      SyncedDatabaseTable table = w.database().getSyncedDatabaseTable(name);
      SyncedTableState state = table.getDataSynchronizationStatus().getDetailedState();
      if (state == SyncedTableState.SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE) return table;
      if (System.currentTimeMillis() > end) throw new AssertionError(name + " is " + state);
    }
  }

  private static <T> List<T> all(Iterable<T> items) {
    List<T> list = new ArrayList<>();
    items.forEach(list::add);
    return list;
  }

  public static void main(String[] args) throws Exception {
    String instance = args[0];
    String db = args[1];
    w = client(System.getenv("DATABRICKS_TOKEN"));
    say("me", w.currentUser().me(new MeRequest()).getUserName());
    say("instances", all(w.database().listDatabaseInstances(new ListDatabaseInstancesRequest())).get(0).getName());
    say("instance", w.database().getDatabaseInstance(instance).getState());
    DatabaseCatalog catalog =
        new DatabaseCatalog()
            .setName("japp")
            .setDatabaseInstanceName(instance)
            .setDatabaseName(db)
            .setCreateDatabaseIfNotExists(true);
    say("catalog", w.database().createDatabaseCatalog(new CreateDatabaseCatalogRequest()
        .setCatalog(catalog)).getCreateDatabaseIfNotExists());
    say("catalog uid", w.database().getDatabaseCatalog("japp").getUid() != null);
    create("japp.gold.a", spec());
    SyncedDatabaseTable made = online("japp.gold.a");
    String pipeline = made.getDataSynchronizationStatus().getPipelineId();
    say("table", made.getSpec().getPrimaryKeyColumns());
    say("tables", all(w.database().listSyncedDatabaseTables(instance)).get(0).getName());
    say("listed", all(w.tables().list(new ListTablesRequest().setCatalogName("japp")
        .setSchemaName("gold"))).get(0).getFullName());
    say("schemas", all(w.schemas().list("japp")).get(0).getFullName());
    say(
        "catalogs",
        all(w.catalogs().list(new com.databricks.sdk.service.catalog.ListCatalogsRequest())).stream()
            .anyMatch(each -> each.getName().equals("japp")));
    say("exists", w.tables().exists("japp.gold.a").getTableExists());
    say("pipeline", w.pipelines().get(pipeline).getName());
    StartUpdateResponse update = w.pipelines().startUpdate(new StartUpdate().setPipelineId(pipeline)
        .setFullRefresh(true));
    online("japp.gold.a");
    w.pipelines().waitGetPipelineIdle(pipeline);
    say("update", w.pipelines().getUpdate(pipeline, update.getUpdateId()).getUpdate().getState());
    say("events", all(w.pipelines().listPipelineEvents(new ListPipelineEventsRequest().setPipelineId(pipeline)
        .setFilter("update_id = '" + update.getUpdateId() + "'"))).size() > 0);
    long job = w.jobs().create(new CreateJob().setName("jrefresh").setTasks(List.of(new Task().setTaskKey("sync")
        .setPipelineTask(new PipelineTask().setPipelineId(pipeline))))
        .setSchedule(new CronSchedule().setQuartzCronExpression("0 0 6 ? * MON-FRI").setTimezoneId("UTC"))).getJobId();
    say("run", w.jobs().runNow(new RunNow().setJobId(job)).get().getState().getResultState());
    say("jobs", all(w.jobs().list(new ListJobsRequest().setName("jrefresh"))).size());
    w.jobs().delete(job);
    w.workspace().mkdirs("/Users/" + args[2] + "/java");
    say("workspace", w.workspace().getStatus("/Users/" + args[2] + "/java").getObjectType());
    say("permissions", w.permissions().get("pipelines", pipeline).getAccessControlList().size() > 0);
    say("credential", w.database().generateDatabaseCredential(new GenerateDatabaseCredentialRequest()
        .setInstanceNames(List.of(instance)).setRequestId("1")).getToken().length() > 20);
    String branch = "projects/" + instance + "/branches/production";
    say("project", w.postgres().getProject("projects/" + instance).getUid() != null);
    say("lakebase", w.postgres().createCatalog(new com.databricks.sdk.service.postgres.CreateCatalogRequest()
        .setCatalogId("jlake").setCatalog(
        new com.databricks.sdk.service.postgres.Catalog().setSpec(new CatalogCatalogSpec().setBranch(branch)
            .setPostgresDatabase(db)))).waitForCompletion().getName());
    say("synced", w.postgres().createSyncedTable(new com.databricks.sdk.service.postgres.CreateSyncedTableRequest()
        .setSyncedTableId("jlake.made.b").setSyncedTable(
        new com.databricks.sdk.service.postgres.SyncedTable().setSpec(new SyncedTableSyncedTableSpec()
            .setBranch(branch).setPostgresDatabase(db).setSourceTableFullName("lake.gold.t")
            .setPrimaryKeyColumns(List.of("id"))
                .setSchedulingPolicy(SyncedTableSyncedTableSpecSyncedTableSchedulingPolicy.SNAPSHOT)
                .setCreateDatabaseObjectsIfMissing(true)))).waitForCompletion().getName());
    say("state", online("jlake.made.b").getDataSynchronizationStatus().getDetailedState());
    w.postgres().deleteSyncedTable("synced_tables/jlake.made.b").waitForCompletion();
    w.postgres().deleteCatalog("catalogs/jlake").waitForCompletion();
    say("again", raised(() -> create("japp.gold.a", spec())));
    say("missing", raised(() -> w.database().getSyncedDatabaseTable("japp.gold.none")));
    say("invalid", raised(() -> create("japp.gold.b", spec().setPrimaryKeyColumns(List.of("nothing")))));
    say("refused", raised(() -> w.database().createDatabaseInstance(new CreateDatabaseInstanceRequest()
        .setDatabaseInstance(new DatabaseInstance().setName("other").setCapacity("CU_1")))));
    say("unauthenticated", raised(() -> client("wrong").currentUser().me(new MeRequest())));
    w.database().deleteSyncedDatabaseTable("japp.gold.a");
    create("japp.gold.a", spec());
    online("japp.gold.a");
    w.database().deleteSyncedDatabaseTable("japp.gold.a");
    w.database().deleteSyncedDatabaseTable(new DeleteSyncedDatabaseTableRequest().setName("japp.gold.a")
        .setPurgeData(true));
    say("gone", raised(() -> w.tables().get("japp.gold.a")));
    w.database().deleteDatabaseCatalog("japp");
  }
}
