/*
 * A read-only transaction in which every setting that changes the meaning or the cost of a statement was set
 * and read back in the same round trip as BEGIN. At the end the session forgets everything, whatever the
 * statement did to it.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/log.h"
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
        {"DateStyle", "ISO, YMD"},
        {"IntervalStyle", "postgres"},
        {"bytea_output", "hex"},
        {"extra_float_digits", "1"},
        {"row_security", "on"},
        {"cursor_tuple_fraction", "1"}, /* all rows are fetched */
};

enum { FIXED = sizeof(fixed) / sizeof(*fixed), TIMEOUT, ZONE, SETTINGS };

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

static const char *settings_sql(struct arena *a, const char **values, const struct query_opening *opening)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_add_cstr(&b, "SELECT pg_catalog.current_setting('transaction_read_only')");
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *name = i < FIXED ? fixed[i][0] : i == TIMEOUT ? "statement_timeout" : "TimeZone";

		values[i] = i < FIXED ? fixed[i][1] : "UTC";
		buf_printf(&b, ", pg_catalog.set_config('%s', $%zu, true)", name, i + 1);
	}
	values[TIMEOUT] = interval(a, opening->timeout_ms);
	if (opening->time_zone)
		values[ZONE] = opening->time_zone;
	return buf_cstr(&b);
}

static const char zone_refused[] = "time_zone";

static struct err *compare(struct arena *a, const PGresult *res, const char *const *values)
{
	bool same =
	        PQntuples(res) == 1 && PQnfields(res) == SETTINGS + 1 && !strcmp(PQgetvalue(res, 0, 0), "on");

	for (int i = 0; same && i < ZONE; i++)
		same = !strcmp(PQgetvalue(res, 0, i + 1), values[i]);
	if (!same)
		return err_hint(
		        err_code(err_new(a, ERR_UNAVAILABLE,
		                         "the project's database did not take the session settings"),
		                 "settings"),
		        "Connect to PostgreSQL itself, not to something in front of it that changes settings.");
	/* The server writes a zone in its own case; a POSIX rule comes back as something else. */
	if (!str_eq_nocase(str_of(PQgetvalue(res, 0, ZONE + 1)), str_of(values[ZONE])))
		return err_code(err_new(a, ERR_QUERY, "the time zone was not taken"), zone_refused);
	return NULL;
}

struct err *query_transaction_begin_on(const struct query_wait *w, struct query_conn *conn,
                                       struct query_opening *opening)
{
	const char *values[SETTINGS];
	const struct query_step steps[] = {
	        {.sql = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"},
	        {.sql = settings_sql(w->a, values, opening), .params = values, .nparams = SETTINGS},
	        {.sql = opening->sql, .describe = true},
	};
	PGresult *results[3] = {NULL, NULL, NULL};
	struct err *e;

	opening->shape = NULL;
	e = query_conn_trip(w, conn, steps, opening->sql ? 3 : 2, results);
	if (e) {
		bool zone = opening->time_zone && e->kind == ERR_QUERY && strstr(e->message, "\"TimeZone\"");

		return zone && !e->position ? err_code(e, zone_refused) : e;
	}
	e = compare(w->a, results[1], values);
	PQclear(results[0]);
	PQclear(results[1]);
	if (!e) {
		opening->shape = results[2];
		return NULL;
	}
	PQclear(results[2]);
	conn->lost = conn->lost || e->kind == ERR_UNAVAILABLE;
	return e;
}

/* Whether it is worth another attempt, and what has to change for it. */
static bool again(struct ctx *ctx, struct query_opening *opening, const struct query_conn *conn,
                  const struct err *e)
{
	if (opening->time_zone && e->code && !strcmp(e->code, zone_refused)) {
		LOG(LOG_WARNING, ctx->request_id, "a database does not know a time zone; UTC is used",
		    LOG_STR("time_zone", opening->time_zone));
		opening->time_zone = NULL;
		return true;
	}
	/* One of those at rest was dead, so the others are suspect too: the next one is new. */
	if (conn->reused && conn->lost && e->kind == ERR_UNAVAILABLE) {
		query_pool_drop(conn->source.id);
		return true;
	}
	return false;
}

struct err *query_transaction_begin(struct ctx *ctx, const struct project_source *source,
                                    struct query_opening *opening, struct query_conn **out)
{
	for (;;) {
		struct query_wait w;
		struct err *e;
		bool more;

		TRY(query_pool_get(ctx, source, opening, out));
		w = query_wait_ms(ctx, QUERY_CONNECT_MS);
		e = query_transaction_begin_on(&w, *out, opening);
		if (!e)
			return NULL;
		more = again(ctx, opening, *out, e);
		query_transaction_end(*out);
		if (!more)
			return e;
	}
}

void query_transaction_end(struct query_conn *conn)
{
	static const struct query_step steps[] = {{.sql = "ROLLBACK", .sync = true}, {.sql = "DISCARD ALL"}};
	struct arena *a = arena_create();
	struct query_wait w = {a, NULL, clock_mono_us() + (int64_t)QUERY_GRACE_MS * 1000, 0};
	PGresult *results[2] = {NULL, NULL};

	if (!conn->lost && query_conn_trip(&w, conn, steps, 2, results))
		conn->lost = true;
	PQclear(results[0]);
	PQclear(results[1]);
	arena_free(a);
	query_pool_put(conn);
}
