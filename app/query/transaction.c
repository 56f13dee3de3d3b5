/*
 * A read-only transaction in which every setting that changes the meaning or the cost of a statement was set
 * and read back in the same round trip as BEGIN. At the end the session forgets everything, whatever the
 * statement did to it.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "query/query_priv.h"

/* Values are written as the server shows them, so that what was set can be compared with what was asked. */
static const char *const fixed[][2] = {
        {"search_path",
         "pg_catalog"}, /* tables come qualified; functions and operators are only the system's */
        {"lock_timeout", "3s"},
        {"idle_in_transaction_session_timeout", "1min"},
        {"standard_conforming_strings", "on"},
        {"backslash_quote", "safe_encoding"},
        {"client_encoding", "UTF8"},
        {"TimeZone", "UTC"},
        {"DateStyle", "ISO, YMD"},
        {"IntervalStyle", "postgres"},
        {"bytea_output", "hex"},
        {"extra_float_digits", "1"},
        {"row_security", "on"},
};

enum { FIXED = sizeof(fixed) / sizeof(*fixed), SETTINGS = FIXED + 1 };

/* A time as the server shows it: in the largest unit that divides it. */
static const char *interval(struct arena *a, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;

	while (ms % units[i].ms)
		i++;
	return arena_printf(a, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

static const char *settings_sql(struct arena *a, const char **values, int64_t timeout_ms)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_add_cstr(&b, "SELECT pg_catalog.current_setting('transaction_read_only')");
	values[0] = interval(a, timeout_ms);
	buf_add_cstr(&b, ", pg_catalog.set_config('statement_timeout', $1, true)");
	for (size_t i = 0; i < FIXED; i++) {
		values[i + 1] = fixed[i][1];
		buf_printf(&b, ", pg_catalog.set_config('%s', $%zu, true)", fixed[i][0], i + 2);
	}
	return buf_cstr(&b);
}

static struct err *compare(struct arena *a, const PGresult *res, const char *const *values)
{
	bool same =
	        PQntuples(res) == 1 && PQnfields(res) == SETTINGS + 1 && !strcmp(PQgetvalue(res, 0, 0), "on");

	for (int i = 0; same && i < SETTINGS; i++)
		same = !strcmp(PQgetvalue(res, 0, i + 1), values[i]);
	if (same)
		return NULL;
	return err_hint(
	        err_code(err_new(a, ERR_UNAVAILABLE,
	                         "the project's database did not take the session settings"),
	                 "settings"),
	        "Connect to PostgreSQL itself, not to something in front of it that changes settings.");
}

struct err *query_transaction_begin_on(const struct query_wait *w, struct query_conn *conn,
                                       int64_t timeout_ms)
{
	const char *values[SETTINGS];
	struct query_step steps[] = {
	        {.sql = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"},
	        {.sql = settings_sql(w->a, values, timeout_ms), .params = values, .nparams = SETTINGS},
	};
	PGresult *results[2];
	struct err *e;

	TRY(query_conn_trip(w, conn, steps, 2, results));
	e = compare(w->a, results[1], values);
	PQclear(results[0]);
	PQclear(results[1]);
	if (e)
		conn->lost = true;
	return e;
}

struct err *query_transaction_begin(struct ctx *ctx, const struct project_source *source, int64_t timeout_ms,
                                    struct query_conn **out)
{
	for (;;) {
		struct query_wait w;
		struct err *e;

		TRY(query_pool_get(ctx, source, out));
		w = query_wait_ms(ctx, QUERY_CONNECT_MS);
		e = query_transaction_begin_on(&w, *out, timeout_ms);
		if (!e)
			return NULL;
		bool again = (*out)->reused && (*out)->lost && e->kind == ERR_UNAVAILABLE;
		(*out)->lost = true;
		query_pool_put(*out);
		if (!again)
			return e;
		/* One of those at rest was dead, so the others are suspect too: the next one is new. */
		query_close();
	}
}

void query_transaction_end(struct query_conn *conn)
{
	static const struct query_step steps[] = {{.sql = "ROLLBACK", .sync = true}, {.sql = "DISCARD ALL"}};
	struct arena *a = arena_create();
	struct query_wait w = {a, NULL, clock_mono_us() + (int64_t)QUERY_GRACE_MS * 1000};
	PGresult *results[2] = {NULL, NULL};

	if (!conn->lost && query_conn_trip(&w, conn, steps, 2, results))
		conn->lost = true;
	PQclear(results[0]);
	PQclear(results[1]);
	arena_free(a);
	query_pool_put(conn);
}
