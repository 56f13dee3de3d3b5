/*
 * Quoting of names and literals, by the server's rules.
 */
#include <pg_query.h>

#include "lib/buf.h"
#include "sql/sql_priv.h"

static bool plain_name(const char *name)
{
	if (!(*name == '_' || (*name >= 'a' && *name <= 'z')))
		return false;
	for (const char *p = name; *p; p++)
		if (!(*p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')))
			return false;
	return true;
}

/* Names to this grammar, keywords to later servers: system_user would be read as a function from 16 on. They are
 * quoted, so that every server reads a name. */
static const char *const later_keywords[] = {
        "json_array",  "json_arrayagg",  "json_exists", "json_object", "json_objectagg", "json_query",
        "json_scalar", "json_serialize", "json_table",  "json_value",  "merge_action",   "system_user",
};

static bool is_later(struct str word)
{
	for (size_t i = 0; i < sizeof(later_keywords) / sizeof(*later_keywords); i++)
		if (str_is(word, later_keywords[i]))
			return true;
	return false;
}

static bool may_have_later(const char *sql)
{
	return strstr(sql, "json_") || strstr(sql, "merge_action") || strstr(sql, "system_user");
}

static const char *with_quotes(struct arena *a, const char *sql, const PgQuery__ScanResult *s)
{
	struct buf b = buf_init(a, BUF_PAGE);
	size_t done = 0;
	for (size_t i = 0; i < s->n_tokens; i++) {
		const PgQuery__ScanToken *t = s->tokens[i];
		struct str word = {sql + t->start, (size_t)(t->end - t->start)};
		if (t->token != PG_QUERY__TOKEN__IDENT || !is_later(word))
			continue;
		buf_printf(&b, "%.*s\"%.*s\"", (int)((size_t)t->start - done), sql + done, STR_ARG(word));
		done = (size_t)t->end;
	}
	buf_add_cstr(&b, sql + done);
	return b.full ? NULL : buf_cstr(&b);
}

const char *quote_later(struct arena *a, const char *sql)
{
	if (!may_have_later(sql))
		return sql;
	PgQueryScanResult r = pg_query_scan(sql);
	PgQuery__ScanResult *s =
	        r.error ? NULL
	                : pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	const char *out = s ? with_quotes(a, sql, s) : NULL;
	if (s)
		pg_query__scan_result__free_unpacked(s, NULL);
	pg_query_free_scan_result(r);
	return out;
}

/* True for keywords that cannot stand for a name everywhere. */
static bool is_keyword(const char *name)
{
	if (is_later(str_of(name)))
		return true;
	PgQueryScanResult r = pg_query_scan(name);
	PgQuery__ScanResult *s =
	        r.error ? NULL
	                : pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	bool plain = s && s->n_tokens == 1 &&
	             (s->tokens[0]->keyword_kind == PG_QUERY__KEYWORD_KIND__NO_KEYWORD ||
	              s->tokens[0]->keyword_kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD);
	if (s)
		pg_query__scan_result__free_unpacked(s, NULL);
	pg_query_free_scan_result(r);
	return !plain;
}

static char *quoted(struct arena *a, const char *text, char quote)
{
	struct buf b = buf_init(a, BUF_PAGE);
	buf_add_char(&b, quote);
	for (; *text; text++) {
		if (*text == quote)
			buf_add_char(&b, quote);
		buf_add_char(&b, *text);
	}
	buf_add_char(&b, quote);
	return arena_strdup(a, b.full ? (quote == '"' ? "\"\"" : "''") : buf_cstr(&b));
}

char *sql_quote_ident(struct arena *a, const char *name)
{
	if (plain_name(name) && !is_keyword(name))
		return arena_strdup(a, name);
	return quoted(a, name, '"');
}

/* With a backslash the E form is used, which means the same whatever standard_conforming_strings says. */
char *sql_quote_literal(struct arena *a, const char *text)
{
	if (!strchr(text, '\\'))
		return quoted(a, text, '\'');
	struct buf b = buf_init(a, BUF_PAGE);
	for (const char *p = text; *p; p++) {
		if (*p == '\\')
			buf_add_char(&b, '\\');
		buf_add_char(&b, *p);
	}
	return arena_printf(a, "E%s", quoted(a, buf_cstr(&b), '\''));
}
