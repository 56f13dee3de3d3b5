/*
 * SQLSTATE to error. The table is read from the top, the first prefix that fits counts. What the server said
 * goes into the cause: it is logged, and not shown to people.
 */
#include "db/db_priv.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/str.h"

struct rule {
	const char *state; /* SQLSTATE or a prefix of it */
	enum err_kind kind;
	bool lost;  /* the connection is of no more use */
	bool clash; /* running the transaction again may help */
	const char *message;
};

#define GONE "could not reach the platform database"
#define AWAY "platform_database" /* code of what may work in a moment */

static const struct rule rules[] = {
        {"23505", ERR_CONFLICT, false, false, "the same exists already"},
        {"23503", ERR_CONFLICT, false, false,
         "something that this belongs to is gone, or something still belongs to this"},
        {"23514", ERR_INVALID, false, false, "a value is outside its bounds"},
        {"22", ERR_INVALID, false, false, "a value cannot be stored"},
        {"40001", ERR_UNAVAILABLE, false, true, "could not save, others keep changing the same"},
        {"40P01", ERR_UNAVAILABLE, false, true, "could not save, others keep changing the same"},
        {"55P03", ERR_UNAVAILABLE, false, false, "could not save, others keep changing the same"},
        {"57014", ERR_TIMEOUT, false, false, "the platform database took too long"},
        {"57P", ERR_UNAVAILABLE, true, false, GONE},
        {"25P03", ERR_UNAVAILABLE, true, false, GONE},
        {"25006", ERR_UNAVAILABLE, true, false, "the platform database is read-only"},
        {"53", ERR_UNAVAILABLE, false, false, "the platform database is short of resources"},
        {"08", ERR_UNAVAILABLE, true, false, GONE},
        /* A plan that a migration made stale, a statement that the server forgot: a new connection helps. */
        {"0A000", ERR_INTERNAL, true, false, "could not use a prepared statement"},
        {"26000", ERR_INTERNAL, true, false, "could not use a prepared statement"},
        {"", ERR_INTERNAL, false, false, "a statement to the platform database failed"},
};

static const struct rule *rule_for(const char *state)
{
	const struct rule *r = rules;

	while (strncmp(state, r->state, strlen(r->state)) != 0)
		r++;
	return r;
}

struct err *db_unavailable(struct arena *a, const char *cause)
{
	struct err *e = err_new(a, ERR_UNAVAILABLE, GONE);
	struct str text = str_trim(str_of(cause));

	e->retry_after = 2;
	err_code(e, AWAY);
	return err_cause(e, err_new(a, ERR_UNAVAILABLE, "%.*s", STR_ARG(text)));
}

struct err *db_fail(struct arena *a, struct db_conn *conn, const PGresult *res, const char *what)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *constraint = res ? PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME) : NULL;
	const struct rule *r;
	struct err *e;

	if (PQstatus(conn->pg) == CONNECTION_BAD || !state) {
		conn->lost = true;
		return db_unavailable(a, text ? text : PQerrorMessage(conn->pg));
	}
	r = rule_for(state);
	conn->lost = conn->lost || r->lost;
	conn->clash = conn->clash || r->clash;
	e = err_cause(err_new(a, r->kind, "%s", r->message), err_new(a, r->kind, "%s: %s (SQLSTATE %s)", what,
	                                                             text ? text : "unknown error", state));
	if (e->kind == ERR_UNAVAILABLE)
		return err_code(e, AWAY);
	return constraint ? err_code(e, arena_strdup(a, constraint)) : e;
}

bool db_is_away(const struct err *e)
{
	return e && e->kind == ERR_UNAVAILABLE && e->code && strcmp(e->code, AWAY) == 0;
}
