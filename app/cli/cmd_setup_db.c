/* quern setup-db: makes the read-only role for a project's database, or brings it up to date. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/input_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "project/project.h"
#include "query/query.h"

/* Four worker processes with eight connections each, and some for commands. */
enum { CONNECTIONS = 40, MOST_CONNECTIONS = 1000, PASSWORD_BYTES = 24 };

struct setup_options {
	const char *dsn, *schema, *role, *connections, *exclude;
	bool print;
};

static struct err *check(struct ctx *ctx, const struct setup_options *o, struct query_setup *setup)
{
	struct str role = str_of(setup->role);

	setup->connections = CONNECTIONS;
	if (!role.n || role.n > 63 || !str_utf8_valid(role) || str_starts(role, STR("pg_")))
		return err_new(ctx->a, ERR_INVALID,
		               "--role is a name of 1 to 63 bytes that does not begin with pg_");
	if (o->connections && (!str_to_i64(str_of(o->connections), &setup->connections) ||
	                       setup->connections < 1 || setup->connections > MOST_CONNECTIONS))
		return err_new(ctx->a, ERR_INVALID, "--connections is a number from 1 to %d",
		               MOST_CONNECTIONS);
	if (setup->password && !*setup->password)
		return err_new(ctx->a, ERR_INVALID, "QUERN_ROLE_PASSWORD is empty");
	return NULL;
}

/* A new role gets a password of its own; that of an existing one stays unless one is given. */
static struct err *run(struct ctx *ctx, const struct project_source *admin, struct query_setup *setup,
                       struct query_setup_report *report, bool *generated)
{
	struct query_setup look = *setup;

	*generated = false;
	if (!setup->password) {
		look.dry_run = true;
		TRY(query_setup_role(ctx, admin, &look, report));
		*generated = !report->existed;
	}
	if (*generated)
		setup->password = crypto_token(ctx->a, PASSWORD_BYTES);
	return query_setup_role(ctx, admin, setup, report);
}

static const char *dsn_of(struct arena *a, const struct project_source *admin,
                          const struct query_setup *setup, bool with_password)
{
	bool socket = admin->host[0] == '/';
	struct buf b = buf_init(a, BUF_LINE);

	buf_add_cstr(&b, "postgresql://");
	buf_add_url(&b, str_of(setup->role));
	if (with_password) {
		buf_add_char(&b, ':');
		buf_add_url(&b, str_of(setup->password));
	}
	buf_add_char(&b, '@');
	if (!socket && str_find(str_of(admin->host), STR(":")) >= 0)
		buf_printf(&b, "[%s]", admin->host);
	else if (!socket)
		buf_add_url(&b, str_of(admin->host));
	buf_printf(&b, ":%lld/", (long long)admin->port);
	buf_add_url(&b, str_of(admin->database));
	buf_printf(&b, "?sslmode=%s", admin->sslmode);
	if (socket) {
		buf_add_cstr(&b, "&host=");
		buf_add_url(&b, str_of(admin->host));
	}
	return buf_cstr(&b);
}

static void print_sql(const struct query_setup_report *report)
{
	for (size_t i = 0; i < report->nsteps; i++)
		printf("%s;\n", report->steps[i].sql);
	if (!report->nsteps)
		puts("-- nothing to do");
	for (size_t i = 0; i < report->nnotes; i++)
		fprintf(stderr, "note: %s\n", report->notes[i]);
}

static void print_done(const struct query_setup *setup, const struct query_setup_report *report)
{
	for (size_t i = 0; i < report->nsteps; i++)
		printf("%s\n", report->steps[i].what);
	if (!report->nsteps)
		printf("role \"%s\" is as it should be; nothing changed\n", setup->role);
}

static void print_rest(const char *dsn, const struct query_setup *setup,
                       const struct query_setup_report *report, bool generated)
{
	if (report->nnotes)
		puts("\nLeft as it is, because it concerns others than this role:");
	for (size_t i = 0; i < report->nnotes; i++)
		printf("- %s\n", report->notes[i]);
	printf("\nThe project's address%s:\n%s\n",
	       generated ? ", with the new password, which is shown only now"
	                 : " (put the role's password after the name)",
	       dsn);
	printf("Its schema: %s\n", setup->schema);
}

int cmd_setup_db(struct ctx *ctx, int argc, char **argv)
{
	struct setup_options o = {.role = "quern_reader"};
	const struct cli_option options[] = {
	        {"--admin-dsn", &o.dsn, NULL},   {"--schema", &o.schema, NULL},
	        {"--role", &o.role, NULL},       {"--connections", &o.connections, NULL},
	        {"--exclude", &o.exclude, NULL}, {"--print", NULL, &o.print},
	};
	struct query_setup_report report;
	struct project_source admin;
	bool generated;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 1 || !o.dsn ||
	    !o.schema)
		return cli_usage("setup-db");
	struct query_setup setup = {.role = o.role,
	                            .schema = o.schema,
	                            .password = getenv("QUERN_ROLE_PASSWORD"),
	                            .excluded = input_list(ctx->a, o.exclude),
	                            .dry_run = o.print};
	struct err *e = check(ctx, &o, &setup);
	if (!e)
		e = input_secret(ctx->a, o.dsn, &o.dsn);
	if (!e)
		e = project_source_parse(ctx->a, o.dsn, &admin);
	if (!e)
		e = run(ctx, &admin, &setup, &report, &generated);
	if (e)
		return cli_fail(e);
	if (o.print) {
		print_sql(&report);
		if (generated)
			fprintf(stderr, "the password of the verifier above: %s\n", setup.password);
		return CLI_OK;
	}
	print_done(&setup, &report);
	print_rest(dsn_of(ctx->a, &admin, &setup, generated), &setup, &report, generated);
	return CLI_OK;
}
