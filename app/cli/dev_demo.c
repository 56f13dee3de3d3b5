/* The demo project of `quern dev`: made with the same commands that a person would type. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "cli/dev_priv.h"
#include "lib/arena.h"
#include "project/project.h"

const char *const dev_accounts[DEV_ACCOUNTS][2] = {
	{"admin@example.com", "instance admin"},
	{"analyst@example.com", "asks questions in the demo project"},
	{"viewer@example.com", "reads in the demo project"},
};

#define DEMO_SLUG "shop"
#define DEMO_DATABASE "shop"
#define DEMO_ROLE "shop_reader"
#define DEMO_EXCLUDED "salaries"

static struct err *load_shop(struct dev *d)
{
	glob_t files = {0};
	struct err *e = NULL;

	TRY(dev_sql(d, "postgres", "SELECT 'CREATE DATABASE " DEMO_DATABASE "' WHERE NOT EXISTS "
				   "(SELECT FROM pg_database WHERE datname = '" DEMO_DATABASE "') \\gexec\n"));
	/* A load that was cut short starts anew. */
	TRY(dev_sql(d, DEMO_DATABASE, "DROP SCHEMA IF EXISTS shop CASCADE"));
	if (glob(arena_printf(d->ctx->a, "%s/examples/shop/*.sql", d->root), 0, NULL, &files))
		return err_new(d->ctx->a, ERR_CONFIG, "the demo database is missing from %s/examples/shop", d->root);
	for (size_t i = 0; i < files.gl_pathc && !e; i++)
		e = dev_sql(d, DEMO_DATABASE, arena_printf(d->ctx->a, "\\i '%s'\n", files.gl_pathv[i]));
	globfree(&files);
	TRY(e);
	return dev_sql(d, DEMO_DATABASE, "REVOKE TEMPORARY ON DATABASE " DEMO_DATABASE " FROM PUBLIC");
}

static struct err *make_reader(struct dev *d)
{
	const char *const argv[] = {d->self, "setup-db", "--admin-dsn", "-", "--schema", "shop", "--role", DEMO_ROLE,
				    "--exclude", DEMO_EXCLUDED, NULL};

	setenv("QUERN_ROLE_PASSWORD", d->reader_password, 1);
	struct err *e = dev_command(d, NULL, dev_admin_dsn(d, DEMO_DATABASE), argv);
	unsetenv("QUERN_ROLE_PASSWORD");
	return e;
}

/* Name, description, prompt and the questions offered on an empty chat. */
static struct err *describe_project(struct dev *d)
{
	static const char *questions[] = {
		"How did revenue develop month by month in 2025?",
		"Which product categories sell best in each region?",
		"What happened to payments in July 2025?",
		"What tables are there?",
		"Show sample rows of orders",
	};
	struct project p;

	TRY(project_by_slug(d->ctx, DEMO_SLUG, &p));
	p.description = "Two years of a web shop: customers, orders, payments, refunds, support and web sessions.";
	p.prompt = "Revenue is the total of orders that are neither cancelled nor awaiting payment. Amounts are in euros.";
	p.suggestions = (struct db_texts){questions, sizeof(questions) / sizeof(*questions)};
	return project_update(d->ctx, &p);
}

static struct err *make_project(struct dev *d)
{
	const char *const add[] = {d->self, "project", "add", "--slug", DEMO_SLUG, "--name", "Shop analytics", "--dsn", "-",
				   "--schema", "shop", "--exclude", DEMO_EXCLUDED, NULL};
	const char *const generate[] = {d->self, "dictionary", "generate", "--project", DEMO_SLUG, NULL};

	TRY(dev_command(d, NULL, dev_dsn(d, DEMO_ROLE, d->reader_password, DEMO_DATABASE), add));
	TRY(describe_project(d));
	return dev_command(d, NULL, NULL, generate);
}

static struct err *make_accounts(struct dev *d)
{
	struct project p;

	for (size_t i = 0; i < DEV_ACCOUNTS; i++) {
		const char *const argv[] = {d->self, "user", "add", dev_accounts[i][0], i == 0 ? "--admin" : NULL, NULL};
		TRY(dev_command(d, NULL, arena_printf(d->ctx->a, "%s\n", d->demo_password), argv));
	}
	TRY(project_by_slug(d->ctx, DEMO_SLUG, &p));
	TRY(project_member_set(d->ctx, p.id, dev_accounts[1][0], PROJECT_ANALYST));
	return project_member_set(d->ctx, p.id, dev_accounts[2][0], PROJECT_VIEWER);
}

struct err *dev_demo(struct dev *d)
{
	struct project_listed *projects;
	size_t n;

	TRY(project_list(d->ctx, 0, true, &projects, &n));
	if (n)
		return NULL;
	TRY(load_shop(d));
	TRY(make_reader(d));
	TRY(make_project(d));
	return make_accounts(d);
}
