/*
 * quern guard --policy FILE: JSON lines with statements in, JSON lines with the guard's decision out. For
 * trying a policy and for testing the guard; needs no database. A line is {"id":"x","sql":"SELECT ..."}.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/input_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ctx.h"
#include "lib/json.h"
#include "sql/sql.h"

enum { GUARD_LINE = 16 << 20, GUARD_POLICY = 4 << 20 };

/* Reads up to and without the next line end; false at the end of the input. A line too long comes back as
 * full. */
static bool read_line(FILE *in, struct buf *line)
{
	int c = getc_unlocked(in);
	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = getc_unlocked(in))
		buf_add_char(line, (char)c);
	return true;
}

static void write_refusal(struct json_writer *w, const char *code, const char *message, const char *hint,
                          int position)
{
	json_put_bool(w, "ok", false);
	json_put_cstr(w, "code", code);
	json_put_cstr(w, "message", message);
	json_put_cstr(w, "hint", hint);
	if (position > 0)
		json_put_i64(w, "position", position);
	else
		json_put_null(w, "position");
}

static void write_names(struct json_writer *w, const char *key, const char *const *names, size_t n)
{
	json_array_open(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_cstr(w, NULL, names[i]);
	json_array_close(w);
}

/* What is bound to $1, $2, ...; a mask's key is not shown. */
static void write_params(struct json_writer *w, const struct sql_statement *s)
{
	if (!s->nparams)
		return;
	json_array_open(w, "params");
	for (size_t i = 0; i < s->nparams; i++) {
		if (s->params[i] && i + 1 != s->secret_param)
			json_put_cstr(w, NULL, s->params[i]);
		else
			json_put_null(w, NULL);
	}
	json_array_close(w);
}

static void write_statement(struct json_writer *w, const struct sql_statement *s)
{
	json_put_bool(w, "ok", true);
	json_put_cstr(w, "sql", s->sql);
	write_names(w, "tables", s->tables, s->ntables);
	write_names(w, "columns", s->columns, s->ncolumns);
	write_names(w, "functions", s->functions, s->nfunctions);
	json_put_cstr(w, "fingerprint", s->fingerprint);
	json_put_i64(w, "max_rows", s->max_rows);
	write_params(w, s);
	json_put_bool(w, "repeatable", s->repeatable);
	write_names(w, "filtered", s->filtered, s->nfiltered);
	write_names(w, "masked", s->masked, s->nmasked);
}

/* JSON may spell a NUL, which no statement has; with a space in its place the line can be read and its id
 * be answered. */
static bool blank_nul(char *line, size_t n)
{
	bool found = false;
	for (size_t i = 0; i + 1 < n; i++) {
		if (line[i] != '\\')
			continue;
		if (i + 6 <= n && !memcmp(line + i, "\\u0000", 6)) {
			memcpy(line + i, "\\u0020", 6);
			found = true;
		}
		i++;
	}
	return found;
}

static void write_id(struct json_writer *w, struct json_object *o)
{
	struct json_object *id = json_get(o, "id");
	if (json_object_is_type(id, json_type_string))
		json_put_cstr(w, "id", json_object_get_string(id));
	else if (json_object_is_type(id, json_type_int))
		json_put_i64(w, "id", json_object_get_int64(id));
	else
		json_put_null(w, "id");
}

static void decide(struct arena *a, const struct sql_policy *policy, struct buf *line, struct json_writer *w)
{
	struct json_object *o = NULL;
	bool nul = blank_nul(line->p ? line->p : (char[]){""}, line->n);
	struct err *e = line->full ? err_new(a, ERR_TOO_LARGE, "line is longer than 16 MB")
	                           : json_read(a, buf_str(line), JSON_DEPTH, &o);
	write_id(w, e ? NULL : o);
	const char *sql = e ? NULL : json_get_str(o, "sql");
	struct sql_statement *s;
	if (e)
		write_refusal(w, "bad_input", e->message, e->hint, e->position);
	else if (!sql)
		write_refusal(w, "bad_input", "not an object with the text sql", NULL, 0);
	else if (nul)
		write_refusal(w, "bad_encoding", "the statement has a NUL character", NULL, 0);
	else if ((e = sql_guard(a, policy, str_of(sql), &s)))
		write_refusal(w, e->code ? e->code : err_name(e->kind), e->message, e->hint, e->position);
	else
		write_statement(w, s);
}

static bool answer(struct arena *a, const struct sql_policy *policy, FILE *in, FILE *out)
{
	struct buf line = buf_init(a, GUARD_LINE);
	if (!read_line(in, &line))
		return false;
	struct buf text = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &text};
	json_object_open(&w, NULL);
	decide(a, policy, &line, &w);
	json_object_close(&w);
	fprintf(out, "%s\n", buf_cstr(&text));
	return !ferror(out);
}

int cmd_guard(struct ctx *ctx, int argc, char **argv)
{
	const char *path = NULL;
	const struct cli_option options[] = {{"--policy", &path, NULL}};
	struct sql_policy *policy;
	struct str text;
	if (!cli_options(&argc, argv, options, 1) || argc != 1 || !path)
		return cli_usage("guard");
	struct err *e = input_read(ctx->a, path, GUARD_POLICY, &text);
	if (!e)
		e = sql_policy_read(ctx->a, text, &policy);
	if (e)
		return cli_fail(e);
	/* Who asks line by line waits for each answer. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (bool more = true; more;) {
		struct arena_mark mark = arena_mark(ctx->a);
		more = answer(ctx->a, policy, stdin, stdout);
		arena_reset(ctx->a, mark);
	}
	return ferror(stdin) || fflush(stdout) ? CLI_FAILED : CLI_OK;
}
