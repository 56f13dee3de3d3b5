/* quern audit verify: whether the audit log is as it was written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "cli/cli.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/settings.h"

static void print_json(struct ctx *ctx, const struct audit_report *r)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);

	buf_printf(&b,
	           "{\"ok\":%s,\"entries\":%" PRId64 ",\"unchained\":%" PRId64 ",\"heads\":%" PRId64
	           ",\"wrong\":",
	           r->ok ? "true" : "false", r->entries, r->unchained, r->heads);
	if (r->wrong)
		buf_add_json(&b, str_of(r->wrong));
	else
		buf_add_cstr(&b, "null");
	printf("%s}\n", buf_cstr(&b));
}

static void print_text(const struct audit_report *r, const char *heads)
{
	if (!r->ok) {
		fprintf(stderr, "quern: the audit log is not as it was written: %s\n", r->wrong);
		fprintf(stderr, "%" PRId64 " entries before that are\n", r->entries);
		return;
	}
	printf("verified %" PRId64 " entr%s\n", r->entries, r->entries == 1 ? "y" : "ies");
	if (heads)
		printf("%" PRId64 " ends of the log fit that \"%s\" has\n", r->heads, heads);
	if (r->unchained)
		printf("%" PRId64
		       " older entries were not chained when they were written; the first entry seals them\n",
		       r->unchained);
}

static int verify(struct ctx *ctx, const char *heads, bool json)
{
	struct audit_report report;
	struct err *e = audit_verify(ctx, heads, &report);

	if (e)
		return cli_fail(e);
	if (json)
		print_json(ctx, &report);
	else
		print_text(&report, heads);
	return report.ok ? CLI_OK : CLI_FAILED;
}

int cmd_audit(struct ctx *ctx, int argc, char **argv)
{
	const char *heads = ctx->settings->audit_heads[0] ? ctx->settings->audit_heads : NULL;
	bool json = false;
	const struct cli_option options[] = {{"--heads", &heads, NULL}, {"--json", NULL, &json}};

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2 ||
	    strcmp(argv[1], "verify") != 0)
		return cli_usage("audit");
	return verify(ctx, heads, json);
}
