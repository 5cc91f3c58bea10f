// The commands of the databricks CLI that the tests use, over the Go SDK that the CLI is built on: their arguments, calls
// and JSON. For places where the CLI itself cannot be had; auth describe and whatever else the CLI adds is not here.
//
// usage: go-sdk GROUP COMMAND [ARGUMENT…] [--flag[=value]…]   with DATABRICKS_HOST and DATABRICKS_TOKEN
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/service/catalog"
	"github.com/databricks/databricks-sdk-go/service/database"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/pipelines"
	"github.com/databricks/databricks-sdk-go/service/postgres"
)

// call is one command as it was given.
type call struct {
	ctx   context.Context
	w     *databricks.WorkspaceClient
	args  []string
	flags map[string]string
}

// arg is a positional argument; "" when it is in the JSON instead.
func (c call) arg(place int) string {
	if place < len(c.args) {
		return c.args[place]
	}
	return ""
}

func (c call) isSet(flag string) bool {
	return c.flags[flag] == "true"
}

// body reads --json into what the SDK sends.
func (c call) body(into any) error {
	if text, given := c.flags["json"]; given {
		return json.Unmarshal([]byte(text), into)
	}
	return nil
}

type command func(c call) (any, error)

// Commands without output.
func quiet(run func(c call) error) command {
	return func(c call) (any, error) { return nil, run(c) }
}

var commands = map[string]command{}

func init() {
	for _, group := range []map[string]command{databaseCommands, postgresCommands, pipelineCommands, otherCommands} {
		for name, run := range group {
			commands[name] = run
		}
	}
}

var databaseCommands = map[string]command{
	"database create-synced-database-table": func(c call) (any, error) {
		table := database.SyncedDatabaseTable{
			Name:                 c.arg(0),
			DatabaseInstanceName: c.flags["database-instance-name"],
			LogicalDatabaseName:  c.flags["logical-database-name"],
		}
		if err := c.body(&table); err != nil {
			return nil, err
		}
		request := database.CreateSyncedDatabaseTableRequest{SyncedTable: table}
		return c.w.Database.CreateSyncedDatabaseTable(c.ctx, request)
	},
	"database get-synced-database-table": func(c call) (any, error) {
		return c.w.Database.GetSyncedDatabaseTableByName(c.ctx, c.arg(0))
	},
	"database delete-synced-database-table": quiet(func(c call) error {
		request := database.DeleteSyncedDatabaseTableRequest{Name: c.arg(0), PurgeData: c.isSet("purge-data")}
		return c.w.Database.DeleteSyncedDatabaseTable(c.ctx, request)
	}),
	"database list-synced-database-tables": func(c call) (any, error) {
		request := database.ListSyncedDatabaseTablesRequest{InstanceName: c.arg(0)}
		return c.w.Database.ListSyncedDatabaseTablesAll(c.ctx, request)
	},
	"database create-database-catalog": func(c call) (any, error) {
		return c.w.Database.CreateDatabaseCatalog(c.ctx, database.CreateDatabaseCatalogRequest{
			Catalog: database.DatabaseCatalog{
				Name:                      c.arg(0),
				DatabaseInstanceName:      c.arg(1),
				DatabaseName:              c.arg(2),
				CreateDatabaseIfNotExists: c.isSet("create-database-if-not-exists"),
			},
		})
	},
	"database get-database-catalog": func(c call) (any, error) {
		return c.w.Database.GetDatabaseCatalogByName(c.ctx, c.arg(0))
	},
	"database delete-database-catalog": quiet(func(c call) error {
		return c.w.Database.DeleteDatabaseCatalogByName(c.ctx, c.arg(0))
	}),
	"database list-database-instances": func(c call) (any, error) {
		return c.w.Database.ListDatabaseInstancesAll(c.ctx, database.ListDatabaseInstancesRequest{})
	},
	"database get-database-instance": func(c call) (any, error) {
		return c.w.Database.GetDatabaseInstanceByName(c.ctx, c.arg(0))
	},
	"database find-database-instance-by-uid": func(c call) (any, error) {
		request := database.FindDatabaseInstanceByUidRequest{Uid: c.flags["uid"]}
		return c.w.Database.FindDatabaseInstanceByUid(c.ctx, request)
	},
	"database generate-database-credential": func(c call) (any, error) {
		var request database.GenerateDatabaseCredentialRequest
		if err := c.body(&request); err != nil {
			return nil, err
		}
		return c.w.Database.GenerateDatabaseCredential(c.ctx, request)
	},
	"database create-database-instance-role": func(c call) (any, error) {
		request := database.CreateDatabaseInstanceRoleRequest{
			InstanceName: c.arg(0),
			DatabaseInstanceRole: database.DatabaseInstanceRole{
				Name:         c.arg(1),
				IdentityType: database.DatabaseInstanceRoleIdentityType(c.flags["identity-type"]),
			},
		}
		return c.w.Database.CreateDatabaseInstanceRole(c.ctx, request)
	},
	"database get-database-instance-role": func(c call) (any, error) {
		return c.w.Database.GetDatabaseInstanceRoleByInstanceNameAndName(c.ctx, c.arg(0), c.arg(1))
	},
	"database list-database-instance-roles": func(c call) (any, error) {
		request := database.ListDatabaseInstanceRolesRequest{InstanceName: c.arg(0)}
		return c.w.Database.ListDatabaseInstanceRolesAll(c.ctx, request)
	},
	"database delete-database-instance-role": quiet(func(c call) error {
		request := database.DeleteDatabaseInstanceRoleRequest{InstanceName: c.arg(0), Name: c.arg(1)}
		return c.w.Database.DeleteDatabaseInstanceRole(c.ctx, request)
	}),
}

var postgresCommands = map[string]command{
	"postgres create-synced-table": func(c call) (any, error) {
		var table postgres.SyncedTable
		if err := c.body(&table); err != nil {
			return nil, err
		}
		request := postgres.CreateSyncedTableRequest{SyncedTable: table, SyncedTableId: c.arg(0)}
		operation, err := c.w.Postgres.CreateSyncedTable(c.ctx, request)
		if err != nil {
			return nil, err
		}
		if c.isSet("no-wait") {
			return c.w.Postgres.GetOperation(c.ctx, postgres.GetOperationRequest{Name: operation.Name()})
		}
		return operation.Wait(c.ctx)
	},
	"postgres get-synced-table": func(c call) (any, error) {
		return c.w.Postgres.GetSyncedTable(c.ctx, postgres.GetSyncedTableRequest{Name: c.arg(0)})
	},
	"postgres delete-synced-table": quiet(func(c call) error {
		operation, err := c.w.Postgres.DeleteSyncedTable(c.ctx, postgres.DeleteSyncedTableRequest{Name: c.arg(0)})
		if err != nil {
			return err
		}
		return operation.Wait(c.ctx)
	}),
	"postgres get-operation": func(c call) (any, error) {
		return c.w.Postgres.GetOperation(c.ctx, postgres.GetOperationRequest{Name: c.arg(0)})
	},
	"postgres list-projects": func(c call) (any, error) {
		return c.w.Postgres.ListProjectsAll(c.ctx, postgres.ListProjectsRequest{})
	},
	"postgres list-branches": func(c call) (any, error) {
		return c.w.Postgres.ListBranchesAll(c.ctx, postgres.ListBranchesRequest{Parent: c.arg(0)})
	},
	"postgres list-endpoints": func(c call) (any, error) {
		return c.w.Postgres.ListEndpointsAll(c.ctx, postgres.ListEndpointsRequest{Parent: c.arg(0)})
	},
	"postgres list-databases": func(c call) (any, error) {
		return c.w.Postgres.ListDatabasesAll(c.ctx, postgres.ListDatabasesRequest{Parent: c.arg(0)})
	},
	"postgres generate-database-credential": func(c call) (any, error) {
		request := postgres.GenerateDatabaseCredentialRequest{Endpoint: c.arg(0)}
		return c.w.Postgres.GenerateDatabaseCredential(c.ctx, request)
	},
}

var pipelineCommands = map[string]command{
	"pipelines start-update": func(c call) (any, error) {
		return c.w.Pipelines.StartUpdate(c.ctx, pipelines.StartUpdate{
			PipelineId:  c.arg(0),
			FullRefresh: c.isSet("full-refresh"),
		})
	},
	"pipelines get": func(c call) (any, error) {
		return c.w.Pipelines.GetByPipelineId(c.ctx, c.arg(0))
	},
	"pipelines get-update": func(c call) (any, error) {
		return c.w.Pipelines.GetUpdateByPipelineIdAndUpdateId(c.ctx, c.arg(0), c.arg(1))
	},
	"pipelines list-pipelines": func(c call) (any, error) {
		return c.w.Pipelines.ListPipelinesAll(c.ctx, pipelines.ListPipelinesRequest{})
	},
	"pipelines list-updates": func(c call) (any, error) {
		return c.w.Pipelines.ListUpdates(c.ctx, pipelines.ListUpdatesRequest{PipelineId: c.arg(0)})
	},
	"pipelines list-pipeline-events": func(c call) (any, error) {
		size, err := strconv.Atoi(c.flags["max-results"])
		if err != nil {
			size = 0
		}
		request := pipelines.ListPipelineEventsRequest{PipelineId: c.arg(0), MaxResults: size}
		return c.w.Pipelines.ListPipelineEventsAll(c.ctx, request)
	},
	"pipelines stop": func(c call) (any, error) {
		return c.w.Pipelines.StopAndWait(c.ctx, pipelines.StopRequest{PipelineId: c.arg(0)})
	},
	"pipelines delete": quiet(func(c call) error {
		return c.w.Pipelines.DeleteByPipelineId(c.ctx, c.arg(0))
	}),
}

var otherCommands = map[string]command{
	"tables get": func(c call) (any, error) {
		return c.w.Tables.GetByFullName(c.ctx, c.arg(0))
	},
	"schemas list": func(c call) (any, error) {
		return c.w.Schemas.ListAll(c.ctx, catalog.ListSchemasRequest{CatalogName: c.arg(0)})
	},
	"catalogs list": func(c call) (any, error) {
		return c.w.Catalogs.ListAll(c.ctx, catalog.ListCatalogsRequest{})
	},
	"current-user me": func(c call) (any, error) {
		return c.w.CurrentUser.Me(c.ctx, iam.MeRequest{})
	},
}

// Flags that take no value.
var switches = map[string]bool{
	"purge-data": true, "create-database-if-not-exists": true, "full-refresh": true, "no-wait": true,
}

func parse(words []string) (args []string, flags map[string]string, err error) {
	flags = map[string]string{}
	for place := 0; place < len(words); place++ {
		name, isFlag := strings.CutPrefix(words[place], "--")
		if !isFlag {
			args = append(args, words[place])
			continue
		}
		if before, value, hasValue := strings.Cut(name, "="); hasValue {
			flags[before] = value
		} else if switches[name] {
			flags[name] = "true"
		} else if place+1 < len(words) {
			place++
			flags[name] = words[place]
		} else {
			return nil, nil, fmt.Errorf("flag needs an argument: --%s", name)
		}
	}
	return args, flags, nil
}

func run(words []string) error {
	args, flags, err := parse(words)
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return fmt.Errorf("a group and a command are needed")
	}
	execute, known := commands[args[0]+" "+args[1]]
	if !known {
		return fmt.Errorf("unknown command %q", strings.Join(args[:2], " "))
	}
	w, err := databricks.NewWorkspaceClient()
	if err != nil {
		return err
	}
	found, err := execute(call{ctx: context.Background(), w: w, args: args[2:], flags: flags})
	if err != nil || found == nil {
		return err
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "Error: %v\n", err)
		os.Exit(1)
	}
}
