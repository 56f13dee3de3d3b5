/*
 * SQL as HTML, by the tokens of the flat lexer. Everything written is escaped; what lies between tokens too.
 */
#include <pg_query.h>

#include "lib/buf.h"
#include "sql/sql_priv.h"

/* Words that are only keywords in their place, and mostly are names elsewhere ("month", "name", "type"),
 * stay plain; but for these, which hold a query together. */
static bool reads_as_keyword(const PgQuery__ScanToken *t, struct str word)
{
	static const char *const words[] = {"by",        "exclude",   "filter", "first",
	                                    "following", "last",      "nulls",  "over",
	                                    "partition", "preceding", "range",  "recursive",
	                                    "rows",      "unbounded", "within", "materialized"};

	if (t->keyword_kind != PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD)
		return t->keyword_kind != PG_QUERY__KEYWORD_KIND__NO_KEYWORD;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq_nocase(word, str_of(words[i])))
			return true;
	return false;
}

static char token_class(const PgQuery__ScanToken *t, struct str text)
{
	switch (t->token) {
	case PG_QUERY__TOKEN__SCONST:
	case PG_QUERY__TOKEN__USCONST:
	case PG_QUERY__TOKEN__BCONST:
	case PG_QUERY__TOKEN__XCONST: return 's';
	case PG_QUERY__TOKEN__ICONST:
	case PG_QUERY__TOKEN__FCONST: return 'n';
	case PG_QUERY__TOKEN__SQL_COMMENT:
	case PG_QUERY__TOKEN__C_COMMENT: return 'c';
	default: return reads_as_keyword(t, text) ? 'k' : 0;
	}
}

static void add_token(struct buf *out, char class, struct str text)
{
	if (class)
		buf_printf(out, "<span class=\"%c\">", class);
	buf_add_html(out, text);
	if (class)
		buf_add_cstr(out, "</span>");
}

static void add_tokens(struct buf *out, struct str sql, const PgQuery__ScanResult *s)
{
	size_t done = 0;
	for (size_t i = 0; i < s->n_tokens; i++) {
		size_t start = (size_t)s->tokens[i]->start, end = (size_t)s->tokens[i]->end;
		if (start < done || end < start || end > sql.n)
			continue;
		buf_add_html(out, (struct str){sql.p + done, start - done});
		struct str text = {sql.p + start, end - start};
		add_token(out, token_class(s->tokens[i], text), text);
		done = end;
	}
	buf_add_html(out, (struct str){sql.p + done, sql.n - done});
}

void sql_highlight(struct arena *a, struct str sql, struct buf *out)
{
	if (sql.n > SQL_BYTES || str_has_nul(sql) || !str_utf8_valid(sql)) {
		buf_add_html(out, sql);
		return;
	}
	PgQueryScanResult r = pg_query_scan(str_dup(a, sql));
	PgQuery__ScanResult *s =
	        r.error ? NULL
	                : pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	if (s)
		add_tokens(out, sql, s);
	else
		buf_add_html(out, sql);
	if (s)
		pg_query__scan_result__free_unpacked(s, NULL);
	pg_query_free_scan_result(r);
}
