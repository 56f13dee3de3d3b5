/*
 * What went wrong, in words. Two tables over SQLSTATEs, read from the top, the first prefix that fits counts:
 * one for statements (the server's own sentence is kept where it helps the person), one for connecting.
 */
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/str.h"
#include "query/query_priv.h"

struct rule {
	const char *state; /* SQLSTATE or a prefix of it */
	enum err_kind kind;
	const char *code;
	const char *message; /* NULL: the server's */
	const char *hint;    /* when the server gives none */
	bool lost;
};

#define LESS "Ask for less: a shorter period, fewer rows, or an aggregate."
#define AGAIN "Try again in a moment."

static const struct rule rules[] = {
        {"57014", ERR_TIMEOUT, "timeout", "the query took too long and was stopped", LESS, false},
        {"55P03", ERR_TIMEOUT, "locked", "another program holds a lock on a table for too long", AGAIN,
         false},
        {"25P03", ERR_UNAVAILABLE, "connection_lost", "the project's database ended the connection", AGAIN,
         true},
        {"42P01", ERR_QUERY, "undefined_table", NULL,
         "The table may have been renamed or removed; the dictionary should be generated again.", false},
        {"42703", ERR_QUERY, "undefined_column", NULL, "Look up the columns of the table in the dictionary.",
         false},
        {"42702", ERR_QUERY, "ambiguous_column", NULL, "Put the table's name or alias before the column.",
         false},
        {"42883", ERR_QUERY, "undefined_function", NULL,
         "Check the types of the arguments; a cast such as x::numeric or x::date may be needed.", false},
        {"42725", ERR_QUERY, "ambiguous_function", NULL, "Cast the arguments to the types that are meant.",
         false},
        {"42803", ERR_QUERY, "grouping", NULL, "Every column outside an aggregate must stand in GROUP BY.",
         false},
        {"42804", ERR_QUERY, "datatype_mismatch", NULL, "Cast one side to the type of the other.", false},
        {"42501", ERR_QUERY, "permission_denied", NULL,
         "The project's database role may not read this; an admin can grant it SELECT.", false},
        {"42601", ERR_QUERY, "syntax", NULL, NULL, false},
        {"22012", ERR_QUERY, "division_by_zero", NULL, "Divide by NULLIF(x, 0).", false},
        {"22P02", ERR_QUERY, "invalid_value", NULL, "A text is not of the form that its new type needs.",
         false},
        {"22007", ERR_QUERY, "invalid_value", NULL, "Write dates as '2025-12-31'.", false},
        {"22008", ERR_QUERY, "out_of_range", NULL, "A date or time is outside its range.", false},
        {"22003", ERR_QUERY, "out_of_range", NULL, "Cast to numeric before calculating.", false},
        {"21000", ERR_QUERY, "cardinality", NULL, "Use LIMIT 1 or an aggregate in the subquery.", false},
        {"25006", ERR_QUERY, "read_only", NULL, "Only reading is possible here.", false},
        {"40001", ERR_UNAVAILABLE, "conflict", "the database gave up the query for other work", AGAIN, false},
        {"40P01", ERR_UNAVAILABLE, "conflict", "the database gave up the query for other work", AGAIN, false},
        {"53300", ERR_UNAVAILABLE, "too_many_connections", "the project's database has no free connection",
         AGAIN, true},
        {"53400", ERR_QUERY, "too_big", "the query needs more room than the database gives it", LESS, false},
        {"53100", ERR_QUERY, "too_big", "the query needs more disk than the database has", LESS, false},
        {"53200", ERR_QUERY, "too_big", "the query needs more memory than the database has", LESS, false},
        {"54", ERR_QUERY, "too_complex", NULL, "Write it in a simpler way.", false},
        {"57P", ERR_UNAVAILABLE, "connection_lost", "the project's database ended the connection", AGAIN,
         true},
        {"58", ERR_UNAVAILABLE, "system", "the project's database has a fault",
         "Tell the admin of the database.", false},
        {"XX", ERR_QUERY, "internal", "the project's database failed inside", "Write it in another way.",
         false},
        {"08", ERR_UNAVAILABLE, "connection_lost", "the connection to the project's database was lost", AGAIN,
         true},
        {"", ERR_QUERY, "query", NULL, NULL, false},
};

static const struct rule *rule_for(const char *state)
{
	const struct rule *r = rules;

	while (strncmp(state, r->state, strlen(r->state)) != 0)
		r++;
	return r;
}

static int position_of(const PGresult *res)
{
	const char *text = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
	int64_t position = 0;

	return text && str_to_i64(str_of(text), &position) && position < INT32_MAX ? (int)position : 0;
}

struct err *query_fail(struct arena *a, struct query_conn *conn, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
	const struct rule *r = rule_for(state ? state : "08");
	struct err *e = err_code(err_new(a, r->kind, "%s",
	                                 r->message ? r->message
	                                 : text     ? text
	                                            : "unknown error"),
	                         r->code);

	conn->lost = conn->lost || r->lost || !state || PQstatus(conn->pg) == CONNECTION_BAD;
	if (hint && r->kind == ERR_QUERY && !r->message)
		e = err_hint(e, "%s", hint);
	else if (r->hint)
		e = err_hint(e, "%s", r->hint);
	if (r->kind == ERR_UNAVAILABLE)
		e->retry_after = 2;
	if (r->message && text)
		e = err_cause(e, err_new(a, r->kind, "%s (SQLSTATE %s)", text, state ? state : "none"));
	return err_at(e, position_of(res));
}

/* Placeholders in messages: the source's address, role and database. */
enum subject { NOTHING, ADDRESS, ROLE, DATABASE };

static const struct {
	const char *state; /* SQLSTATE or a prefix, or NULL */
	const char *text;  /* part of libpq's own message, when the server never spoke */
	const char *code;
	enum subject subject;
	const char *message; /* with one %s for the subject */
	const char *hint;
} connect_rules[] = {
        {"28P01", NULL, "wrong_password", ROLE, "the server refused the password of role \"%s\"",
         "Enter the password again, or set it on the server with ALTER ROLE ... PASSWORD."},
        {"28", NULL, "not_admitted", ROLE, "the server does not admit role \"%s\"",
         "Check that the role exists and may log in, and that pg_hba.conf has an entry for it, this database"
         " and this host (with TLS, if the entry says hostssl)."},
        {"3D000", NULL, "no_database", DATABASE, "there is no database \"%s\" on the server",
         "Check the name of the database."},
        {"42501", NULL, "no_connect", ROLE, "role \"%s\" may not connect to the database",
         "GRANT CONNECT ON DATABASE to it; \"quern setup-db\" does so."},
        {"53300", NULL, "too_many_connections", ROLE, "the server has no free connection for role \"%s\"",
         "Raise the role's CONNECTION LIMIT or the server's max_connections."},
        {"57P", NULL, "starting", NOTHING, "the server is starting or stopping", "Try again in a moment."},
        {"55000", NULL, "no_database", DATABASE, "database \"%s\" takes no connections",
         "Choose another database."},
        {NULL, "asked for no password", "no_password", ROLE,
         "the server admits role \"%s\" without a password",
         "It is the account of Quern itself, which may be more than a project should reach: use another"
         " role, with a password."},
        {NULL, "could not translate host name", "wrong_host", ADDRESS, "the host of %s is not known",
         "Check the name of the host; it must be known where Quern runs."},
        {NULL, "Connection refused", "refused", ADDRESS, "nothing answers at %s",
         "Check the port, that PostgreSQL runs there, and that it listens on this address."},
        {NULL, "No such file or directory", "refused", ADDRESS, "there is no PostgreSQL socket at %s",
         "Check the directory and the port."},
        {NULL, "timeout expired", "no_answer", ADDRESS, "%s did not answer in time",
         "Check host and port, and that no firewall stands between."},
        {NULL, "Connection timed out", "no_answer", ADDRESS, "%s did not answer in time",
         "Check host and port, and that no firewall stands between."},
        {NULL, "No route to host", "no_answer", ADDRESS, "%s cannot be reached from here",
         "Check host and network."},
        {NULL, "Network is unreachable", "no_answer", ADDRESS, "%s cannot be reached from here",
         "Check host and network."},
        {NULL, "Permission denied", "no_answer", ADDRESS, "%s may not be opened from here",
         "Check the rights of the socket and its directory."},
        {NULL, "does not support SSL", "no_tls", ADDRESS, "the server at %s does not offer TLS",
         "Turn on ssl in the server, or choose a TLS mode that does without."},
        {NULL, "sslmode value", "no_tls", ADDRESS, "%s cannot be used with this TLS mode",
         "Choose another TLS mode."},
        {NULL, "root certificate file", "tls", ADDRESS,
         "the certificate of %s cannot be checked: no authority is known",
         "Give the authority's certificate in PGSSLROOTCERT, or choose TLS mode \"require\"."},
        {NULL, "certificate verify failed", "tls", ADDRESS,
         "the certificate of %s is not from a known authority",
         "Give the authority's certificate in PGSSLROOTCERT, or choose TLS mode \"require\"."},
        {NULL, "server certificate for", "tls", ADDRESS, "the certificate of %s is for another name",
         "Use the name in the certificate, or choose TLS mode \"verify-ca\"."},
        {NULL, "SSL error", "tls", ADDRESS, "no TLS connection to %s came about",
         "Check the TLS settings of the server."},
        {NULL, "server closed the connection", "refused", ADDRESS, "%s closed the connection at once",
         "Check that PostgreSQL listens there, and not another service."},
};

enum { CONNECT_RULES = sizeof(connect_rules) / sizeof(*connect_rules) };

/* In libpq's verbose text the SQLSTATE stands between two colons: "FATAL:  28P01: password ...". */
static const char *find_state(struct arena *a, const char *text)
{
	const char *at = text;

	while ((at = strstr(at, ":  ")) != NULL) {
		size_t n = 0;

		at += 3;
		while (n < 5 && (isdigit((unsigned char)at[n]) || isupper((unsigned char)at[n])))
			n++;
		if (n == 5 && at[5] == ':')
			return arena_strndup(a, at, 5);
	}
	return NULL;
}

static bool fits(size_t i, const char *state, const char *text)
{
	if (connect_rules[i].state)
		return state && !strncmp(state, connect_rules[i].state, strlen(connect_rules[i].state));
	return !state && strstr(text, connect_rules[i].text);
}

static const char *subject_of(struct arena *a, enum subject subject, const struct project_source *source)
{
	if (subject == ROLE)
		return source->username;
	if (subject == DATABASE)
		return source->database;
	return arena_printf(a, "%s, port %lld", source->host, (long long)source->port);
}

struct err *query_fail_connect(struct arena *a, const struct project_source *source, const char *text)
{
	const char *state = find_state(a, text), *template;
	struct str line = str_of(text);
	struct err *e;
	size_t i = 0;

	while (i < CONNECT_RULES && !fits(i, state, text))
		i++;
	line = str_trim(str_chop(&line, '\n'));
	if (i == CONNECT_RULES)
		return err_code(err_new(a, ERR_UNAVAILABLE, "could not connect: %.*s", STR_ARG(line)),
		                "connection");
	template = connect_rules[i].message;
	const char *at = strstr(template, "%s");
	if (!at) {
		e = err_new(a, ERR_UNAVAILABLE, "%s", template);
	} else {
		e = err_new(a, ERR_UNAVAILABLE, "%.*s%s%s", (int)(at - template), template,
		            subject_of(a, connect_rules[i].subject, source), at + 2);
	}
	e = err_hint(err_code(e, connect_rules[i].code), "%s", connect_rules[i].hint);
	return err_cause(e, err_new(a, ERR_UNAVAILABLE, "%.*s", STR_ARG(line)));
}
