/*
 * Admission of queries. One statement counts a query against all limits, or against none when one of them is
 * full: sql/0002 has the function and says how exact each limit is.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "audit/audit_priv.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/log.h"

/* Does not begin with SELECT, so that it is not asked twice when the connection is lost. */
DB_STMT(query_admit,
        "WITH a AS (SELECT * FROM query_admit($1, $2, $3, $4, $5, $6))"
        " SELECT place, full_limit, counted, before, left_s FROM a",
        DB_I64, DB_I64, DB_I64, DB_I64, DB_I64, DB_I64);
DB_STMT(query_leave, "SELECT query_leave($1)", DB_I64);

struct admission {
	int64_t place;
	const char *full;
	struct audit_counts counts;
};

static const struct db_row admission_row =
        DB_ROW(struct admission, DB_COL_I64(struct admission, place), DB_COL_TEXT(struct admission, full),
               DB_COL_I64(struct admission, counts.now), DB_COL_I64(struct admission, counts.before),
               DB_COL_F64(struct admission, counts.left_s));

enum { SECONDS_AT_ONCE = 2 };

static double wait_for_place(const struct audit_counts *c, double limit)
{
	(void)c;
	(void)limit;
	return SECONDS_AT_ONCE;
}

static double wait_for_minute(const struct audit_counts *c, double limit)
{
	return audit_wait_seconds(c, limit, 60);
}

static double wait_for_day(const struct audit_counts *c, double limit)
{
	(void)limit;
	return c->left_s;
}

struct limit {
	const char *name; /* as query_admit() says it */
	size_t offset;    /* in struct audit_quota */
	const char *text;
	const char *whose;
	double (*wait)(const struct audit_counts *c, double limit);
};

static const struct limit limits[] = {
        {"at once", offsetof(struct audit_quota, at_once), "at once", "one person here", wait_for_place},
        {"minute", offsetof(struct audit_quota, a_minute), "a minute", "one person here", wait_for_minute},
        {"day", offsetof(struct audit_quota, a_day), "a day (UTC)", "this project", wait_for_day},
};

static const struct limit *limit_of(const char *name)
{
	const struct limit *l = limits;

	while (strcmp(l->name, name) != 0) {
		l++;
		assert(l < limits + sizeof(limits) / sizeof(limits[0]));
	}
	return l;
}

/* "12 seconds", "3 minutes", "5 hours": rounded up, so that it fits then. */
static const char *in_words(struct arena *a, int seconds)
{
	static const struct {
		int least, unit;
		const char *name;
	} units[] = {{7200, 3600, "hour"}, {120, 60, "minute"}, {0, 1, "second"}};
	size_t i = 0;
	int n;

	while (seconds < units[i].least)
		i++;
	n = (seconds + units[i].unit - 1) / units[i].unit;
	return arena_printf(a, "%d %s%s", n, units[i].name, n == 1 ? "" : "s");
}

static struct err *refused(struct ctx *ctx, const struct audit_quota *quota, const struct admission *got)
{
	const struct limit *l = limit_of(got->full);
	int64_t most = *(const int64_t *)((const char *)quota + l->offset);
	double seconds = l->wait(&got->counts, (double)most);
	struct err *e = err_new(ctx->a, ERR_RATE_LIMITED, "%" PRId64 " %s %s is the limit for %s", most,
	                        most == 1 ? "query" : "queries", l->text, l->whose);

	e->retry_after = seconds < 1 ? 1 : (int)ceil(seconds);
	return err_hint(e, "try again in %s", in_words(ctx->a, e->retry_after));
}

struct err *audit_admit(struct ctx *ctx, const struct audit_quota *quota, int64_t *place)
{
	bool personal = ctx->user_id && (quota->a_minute || quota->at_once);
	struct admission got;

	assert(!ctx->tx);
	*place = 0;
	if (!personal && !quota->a_day)
		return NULL;
	audit_sweep_sometimes(ctx);
	TRY(db_one(ctx, &query_admit,
	           DB_ARGS(db_i64(ctx->user_id), db_i64(quota->project_id), db_i64(quota->a_minute),
	                   db_i64(quota->at_once), db_i64(quota->a_day), db_i64(quota->hold_ms)),
	           &admission_row, "admission", &got));
	if (got.full)
		return refused(ctx, quota, &got);
	*place = got.place;
	return NULL;
}

void audit_leave(struct ctx *ctx, int64_t place)
{
	struct err *e = place ? db_run(ctx, &query_leave, DB_ARGS(db_i64(place)), NULL) : NULL;

	if (e)
		log_err(LOG_WARNING, ctx->request_id, "giving a query's place back", e);
}
