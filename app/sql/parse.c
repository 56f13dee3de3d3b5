/*
 * Text to tree and back, by libpg_query: PostgreSQL's own lexer and grammar. Runs on the stack of stack.c.
 */
#include <assert.h>

#include <pg_query.h>

#include "sql/sql_priv.h"

static void *unpack_alloc(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void unpack_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

static struct err *refused(struct arena *a, const char *code, int position, const char *message,
                           const char *hint)
{
	struct err *e = err_code(err_new(a, ERR_REFUSED, "%s", message), code);
	return err_hint(err_at(e, position), "%s", hint);
}

/* libpg_query's errors are PostgreSQL's: the position counts characters from 1. */
static struct err *syntax_error(struct arena *a, const PgQueryError *error)
{
	return refused(a, "syntax_error", error->cursorpos > 0 ? error->cursorpos : 0,
	               error->message ? error->message : "syntax error",
	               "Write one SELECT in PostgreSQL's dialect.");
}

enum { MAX_COMMENTS = 200, MAX_SIGNS = 100 };

/* PostgreSQL's lexer takes time by the square for nested comments and for long runs of plus and minus:
 * seconds for 32 KB. Neither means anything in a statement that somebody wrote. */
static struct err *lexer_ok(struct arena *a, struct str text)
{
	int comments = 0, signs = 0;
	bool plus = false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		comments += c == '/' && i + 1 < text.n && text.p[i + 1] == '*';
		signs = c == '+' || c == '-' ? signs + 1 : 0;
		plus = signs && (plus || c == '+');
		if (comments > MAX_COMMENTS || (plus && signs > MAX_SIGNS))
			return refused(a, "too_complex", 0,
			               "the statement has too many comments or signs in a row",
			               "Write it more simply.");
	}
	return NULL;
}

/* The lexer is flat, so it may see what would be too deep for the grammar. A token has at least one byte. */
static struct err *tokens_ok(struct arena *a, const char *text, size_t n)
{
	if (n <= SQL_TOKENS)
		return NULL;
	PgQueryScanResult r = pg_query_scan(text);
	struct err *e = NULL;
	if (r.error) {
		e = syntax_error(a, r.error);
	} else {
		ProtobufCAllocator in = {unpack_alloc, unpack_free, a};
		PgQuery__ScanResult *s =
		        pg_query__scan_result__unpack(&in, r.pbuf.len, (const uint8_t *)r.pbuf.data);
		if (!s || s->n_tokens > SQL_TOKENS)
			e = refused(a, "too_complex", 0, "the statement has more than 3000 words and signs",
			            "Ask for less in one statement.");
	}
	pg_query_free_scan_result(r);
	return e;
}

struct err *parse_text_ok(struct arena *a, struct str text)
{
	if (text.n > SQL_BYTES)
		return refused(a, "too_long", 0, "the statement is longer than 32 KB",
		               "Ask for less in one statement.");
	if (str_has_nul(text) || !str_utf8_valid(text))
		return refused(a, "bad_encoding", 0, "the statement is not text in UTF-8",
		               "Send UTF-8 without NUL characters.");
	TRY(lexer_ok(a, text));
	return tokens_ok(a, str_dup(a, text), text.n);
}

struct err *parse_tree(struct arena *a, const char *text, PgQuery__ParseResult **out)
{
	PgQueryProtobufParseResult r = pg_query_parse_protobuf(text);
	struct err *e = NULL;
	if (r.error) {
		e = syntax_error(a, r.error);
	} else {
		ProtobufCAllocator in = {unpack_alloc, unpack_free, a};
		*out = pg_query__parse_result__unpack(&in, r.parse_tree.len,
		                                      (const uint8_t *)r.parse_tree.data);
		if (!*out)
			e = refused(a, "too_complex", 0, "the statement could not be read",
			            "Write it more simply.");
	}
	pg_query_free_protobuf_parse_result(r);
	return e;
}

static bool only_a_target(const PgQuery__SelectStmt *s)
{
	return s->n_target_list == 1 && !s->n_from_clause && !s->where_clause && !s->n_group_clause &&
	       !s->having_clause && !s->n_window_clause && !s->n_sort_clause && !s->limit_count &&
	       !s->limit_offset && !s->with_clause && !s->into_clause && !s->n_locking_clause &&
	       !s->n_distinct_clause && !s->n_values_lists && !s->larg;
}

struct err *parse_expression(struct arena *a, const char *text, PgQuery__Node **out)
{
	PgQuery__ParseResult *tree = NULL;
	static_assert(sizeof("SELECT ") - 1 == EXPRESSION_OFFSET, "locations in filters");
	TRY(parse_tree(a, arena_printf(a, "SELECT %s", text), &tree));
	if (tree && tree->n_stmts == 1 &&
	    tree->stmts[0]->stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT) {
		PgQuery__SelectStmt *s = tree->stmts[0]->stmt->select_stmt;
		PgQuery__ResTarget *target = only_a_target(s) ? s->target_list[0]->res_target : NULL;
		if (target && target->val && !*target->name) {
			*out = target->val;
			return NULL;
		}
	}
	return refused(a, "syntax_error", 0, "not one SQL expression",
	               "Write a condition on the columns of one table.");
}

struct err *parse_deparse(struct arena *a, PgQuery__ParseResult *tree, const char **out)
{
	size_t n = pg_query__parse_result__get_packed_size(tree);
	PgQueryProtobuf packed = {n, arena_alloc(a, n)};
	pg_query__parse_result__pack(tree, (uint8_t *)packed.data);
	PgQueryDeparseResult r = pg_query_deparse_protobuf(packed);
	if (!r.error)
		*out = quote_later(a, arena_strdup(a, r.query));
	bool failed = r.error || !*out;
	pg_query_free_deparse_result(r);
	return failed ? refused(a, "deparse_mismatch", 0,
	                        "the statement cannot be written back as it was read",
	                        "Write the statement in another way.")
	              : NULL;
}

const char *parse_fingerprint(struct arena *a, const char *text)
{
	PgQueryFingerprintResult r = pg_query_fingerprint(text);
	char *f = r.error ? NULL : arena_strdup(a, r.fingerprint_str);
	pg_query_free_fingerprint_result(r);
	return f;
}
