/*
 * Placeholders of a kept text, {{name}} or {{name:date}}, and the literals that take their place. The server's own
 * lexer says what stands in quotes and comments, and afterwards that each value became exactly the tokens of its
 * literal and that no token around it changed: a value can only ever be a value.
 */
#include <pg_query.h>
#include <string.h>

#include "lib/buf.h"
#include "sql/sql_priv.h"

enum { NAME_BYTES = 63, VALUE_BYTES = 4000, NUMBER_BYTES = 100 };

static const char *const type_names[] = {
        [SQL_VALUE_TEXT] = "text", [SQL_VALUE_NUMBER] = "number", [SQL_VALUE_DATE] = "date"};

const char *sql_value_type_name(enum sql_value_type type)
{
	return type_names[type];
}

/* Tokens ------------------------------------------------------------------------------------------------- */

struct token {
	size_t start, end; /* bytes */
	int kind;
};

struct tokens {
	struct token *v;
	size_t n;
};

/* False for a text that the lexer does not take to its end. */
static bool scan(struct arena *a, struct str text, struct tokens *out)
{
	*out = (struct tokens){0};
	if (text.n > SQL_BYTES || str_has_nul(text) || !str_utf8_valid(text))
		return false;
	PgQueryScanResult r = pg_query_scan(str_dup(a, text));
	PgQuery__ScanResult *s =
	        r.error ? NULL
	                : pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	if (s) {
		out->v = ARENA_ARRAY(a, struct token, s->n_tokens);
		for (size_t i = 0; i < s->n_tokens; i++)
			out->v[out->n++] =
			        (struct token){(size_t)s->tokens[i]->start, (size_t)s->tokens[i]->end,
			                       (int)s->tokens[i]->token};
		pg_query__scan_result__free_unpacked(s, NULL);
	}
	pg_query_free_scan_result(r);
	return s != NULL;
}

static struct str text_of(struct str sql, const struct token *t)
{
	return (struct str){sql.p + t->start, t->end - t->start};
}

/* Places ------------------------------------------------------------------------------------------------- */

/* One {{...}} in the text. */
struct place {
	size_t start, end; /* bytes */
	size_t first_token, ntokens;
	size_t which; /* of the placeholders */
};

struct reading {
	struct arena *a;
	struct str sql;
	struct tokens tokens;
	struct place *places;
	size_t nplaces;
	struct sql_placeholder *found;
	size_t nfound;
};

static bool is_char(const struct reading *r, size_t i, char c)
{
	return i < r->tokens.n && r->tokens.v[i].end - r->tokens.v[i].start == 1 &&
	       r->sql.p[r->tokens.v[i].start] == c;
}

/* Two brackets without anything between them. */
static bool is_pair(const struct reading *r, size_t i, char c)
{
	return is_char(r, i, c) && is_char(r, i + 1, c) && r->tokens.v[i].end == r->tokens.v[i + 1].start;
}

static bool is_word(const struct reading *r, size_t i, struct str *word)
{
	if (i >= r->tokens.n)
		return false;
	*word = text_of(r->sql, &r->tokens.v[i]);
	if (!word->n || word->n > NAME_BYTES || (word->p[0] >= '0' && word->p[0] <= '9'))
		return false;
	for (size_t k = 0; k < word->n; k++) {
		char c = word->p[k];
		if (c != '_' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
			return false;
	}
	return true;
}

static int character(struct str sql, size_t byte)
{
	return (int)str_utf8_count((struct str){sql.p, byte}) + 1;
}

static struct err *wrong(const struct reading *r, size_t token, const char *message)
{
	struct err *e = err_code(err_new(r->a, ERR_INVALID, "%s", message), "placeholder");

	return err_hint(
	        err_at(e, character(r->sql, r->tokens.v[token].start)),
	        "Write {{name}}, {{name:number}} or {{name:date}}, the name of letters, digits and _.");
}

static struct err *type_of(const struct reading *r, size_t token, struct str word, enum sql_value_type *out)
{
	for (*out = 0; *out < SQL_VALUE__MAX; (*out)++)
		if (str_is(word, type_names[*out]))
			return NULL;
	return wrong(r, token, "a parameter has a type that does not exist");
}

/* Written again without a type it is the one from before. */
static struct err *note(struct reading *r, size_t token, struct str name, bool typed,
                        enum sql_value_type type, size_t *which)
{
	for (*which = 0; *which < r->nfound; (*which)++) {
		struct sql_placeholder *p = &r->found[*which];

		if (!str_is(name, p->name))
			continue;
		if (typed && p->type != type)
			return wrong(r, token, "a parameter has two types");
		return NULL;
	}
	if (r->nfound == SQL_PLACEHOLDERS)
		return wrong(r, token, "there are too many parameters");
	r->found[r->nfound++] = (struct sql_placeholder){str_dup(r->a, name), type};
	return NULL;
}

/* Reads the placeholder whose brackets open at *i and moves *i behind it. */
static struct err *read_place(struct reading *r, size_t *i)
{
	size_t open = *i, at = open + 2;
	struct place *p = &r->places[r->nplaces++];
	enum sql_value_type type = SQL_VALUE_TEXT;
	struct str name, type_name;
	bool typed = false;

	if (!is_word(r, at, &name))
		return wrong(r, open, "a parameter is not complete");
	at++;
	if (is_char(r, at, ':') && is_word(r, at + 1, &type_name)) {
		TRY(type_of(r, at + 1, type_name, &type));
		typed = true;
		at += 2;
	}
	if (!is_pair(r, at, '}'))
		return wrong(r, open, "a parameter is not complete");
	*i = at + 2;
	*p = (struct place){r->tokens.v[open].start, r->tokens.v[at + 1].end, open, *i - open, 0};
	return note(r, open, name, typed, type, &p->which);
}

/* A text that the lexer does not take has none: the guard says what is wrong with it. */
static struct err *read_places(struct arena *a, struct str sql, struct reading *r)
{
	*r = (struct reading){
	        .a = a, .sql = sql, .found = ARENA_ARRAY(a, struct sql_placeholder, SQL_PLACEHOLDERS)};
	if (!scan(a, sql, &r->tokens))
		return NULL;
	r->places = ARENA_ARRAY(a, struct place, r->tokens.n / 2 + 1);
	for (size_t i = 0; i < r->tokens.n;) {
		if (is_pair(r, i, '{'))
			TRY(read_place(r, &i));
		else
			i++;
	}
	return NULL;
}

struct err *sql_placeholders(struct arena *a, struct str sql, struct sql_placeholder **out, size_t *n)
{
	struct reading r;

	TRY(read_places(a, sql, &r));
	*out = r.found;
	*n = r.nfound;
	return NULL;
}

/* Values ------------------------------------------------------------------------------------------------- */

static size_t digits(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

/* 12, -1.5, .5, 1e6 */
static bool is_number(struct str s)
{
	size_t at = s.n && (s.p[0] == '-' || s.p[0] == '+'), whole = digits(s, at), part = 0;

	if (s.n > NUMBER_BYTES)
		return false;
	at += whole;
	if (at < s.n && s.p[at] == '.') {
		part = digits(s, at + 1);
		at += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (at < s.n && (s.p[at] | 0x20) == 'e') {
		at += at + 1 < s.n && (s.p[at + 1] == '-' || s.p[at + 1] == '+') ? 2 : 1;
		size_t exponent = digits(s, at);
		if (!exponent || exponent > 4)
			return false;
		at += exponent;
	}
	return at == s.n;
}

/* 2025-12-31, a day that was. */
static bool is_date(struct str s)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (s.n != 10 || digits(s, 0) != 4 || s.p[4] != '-' || digits(s, 5) != 2 || s.p[7] != '-' ||
	    digits(s, 8) != 2)
		return false;
	int year = (s.p[0] - '0') * 1000 + (s.p[1] - '0') * 100 + (s.p[2] - '0') * 10 + (s.p[3] - '0');
	int month = (s.p[5] - '0') * 10 + (s.p[6] - '0'), day = (s.p[8] - '0') * 10 + (s.p[9] - '0');
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
	       (month != 2 || day < 29 || leap);
}

static struct err *refuse_value(struct arena *a, const struct sql_placeholder *p, const char *what,
                                const char *hint)
{
	struct err *e = err_new(a, ERR_INVALID, "the value of \"%s\" is %s", p->name, what);

	return err_hint(err_code(e, p->name), "%s", hint);
}

/* Blanks around it keep it from growing together with a neighbour: E{{x}} is not an escape string. */
static struct err *literal(struct arena *a, const struct sql_placeholder *p, const char *value,
                           const char **out)
{
	struct str v = str_of(value);

	if (p->type != SQL_VALUE_TEXT)
		v = str_trim(v);
	if (!value || (p->type != SQL_VALUE_TEXT && !v.n))
		return refuse_value(a, p, "missing", "Fill it in and run it again.");
	if (v.n > VALUE_BYTES || str_has_nul(v) || !str_utf8_valid(v))
		return refuse_value(a, p, "not text that can be used", "It may have at most 4000 bytes.");
	switch (p->type) {
	case SQL_VALUE_NUMBER:
		if (!is_number(v))
			return refuse_value(a, p, "not a number",
			                    "Write it as 1234.5, without thousands separators.");
		v = v.p[0] == '+' ? (struct str){v.p + 1, v.n - 1} : v;
		*out = v.p[0] == '-'
		               ? arena_printf(a, " (- %.*s) ", STR_ARG(((struct str){v.p + 1, v.n - 1})))
		               : arena_printf(a, " %.*s ", STR_ARG(v));
		return NULL;
	case SQL_VALUE_DATE:
		if (!is_date(v))
			return refuse_value(a, p, "not a date", "Write it as 2025-12-31.");
		*out = arena_printf(a, " date '%.*s' ", STR_ARG(v));
		return NULL;
	default: *out = arena_printf(a, " %s ", sql_quote_literal(a, value)); return NULL;
	}
}

/* Binding ------------------------------------------------------------------------------------------------ */

static bool same_tokens(const struct token *was, const struct token *is, size_t n, ptrdiff_t shift)
{
	for (size_t i = 0; i < n; i++)
		if (was[i].kind != is[i].kind || (ptrdiff_t)was[i].start + shift != (ptrdiff_t)is[i].start ||
		    (ptrdiff_t)was[i].end + shift != (ptrdiff_t)is[i].end)
			return false;
	return true;
}

/* Whether the bound text reads as the one before with each literal's own tokens in place of its placeholder. */
static bool only_values(struct reading *r, struct str bound, const char *const *literals)
{
	struct tokens all, own;
	size_t from = 0, at = 0;
	ptrdiff_t shift = 0;

	if (!scan(r->a, bound, &all))
		return false;
	for (size_t i = 0; i <= r->nplaces; i++) {
		const struct place *p = i < r->nplaces ? &r->places[i] : NULL;
		size_t between = (p ? p->first_token : r->tokens.n) - from;

		if (all.n - at < between || !same_tokens(r->tokens.v + from, all.v + at, between, shift))
			return false;
		at += between;
		if (!p)
			break;
		struct str text = str_of(literals[p->which]);
		if (!scan(r->a, text, &own) || all.n - at < own.n ||
		    !same_tokens(own.v, all.v + at, own.n, (ptrdiff_t)p->start + shift))
			return false;
		at += own.n;
		from = p->first_token + p->ntokens;
		shift += (ptrdiff_t)text.n - (ptrdiff_t)(p->end - p->start);
	}
	return at == all.n;
}

static void join(struct reading *r, const char *const *literals, struct sql_bound *out)
{
	struct buf b = buf_init(r->a, BUF_PAGE);
	size_t done = 0;

	out->n = r->nplaces;
	out->places = ARENA_ARRAY(r->a, struct sql_bound_place, r->nplaces);
	for (size_t i = 0; i < r->nplaces; i++) {
		const struct place *p = &r->places[i];

		buf_add(&b, r->sql.p + done, p->start - done);
		out->places[i].asked = character(r->sql, p->start);
		out->places[i].asked_end = character(r->sql, p->end);
		out->places[i].start = (int)str_utf8_count(buf_str(&b)) + 1;
		buf_add_cstr(&b, literals[p->which]);
		out->places[i].end = (int)str_utf8_count(buf_str(&b)) + 1;
		done = p->end;
	}
	buf_add(&b, r->sql.p + done, r->sql.n - done);
	out->sql = b.n ? buf_cstr(&b) : "";
}

struct err *sql_bind(struct arena *a, struct str sql, const char *const *values, struct sql_bound *out)
{
	struct reading r;

	TRY(read_places(a, sql, &r));
	const char **literals = ARENA_ARRAY(a, const char *, r.nfound);
	for (size_t i = 0; i < r.nfound; i++)
		TRY(literal(a, &r.found[i], values[i], &literals[i]));
	join(&r, literals, out);
	if (strlen(out->sql) > SQL_BYTES)
		return err_new(a, ERR_INVALID, "the text is too long with its values");
	if (r.nplaces && !only_values(&r, str_of(out->sql), literals))
		return err_hint(
		        err_code(err_new(a, ERR_INVALID, "a parameter stands where no value can stand"),
		                 "placeholder"),
		        "Put {{name}} alone between operators, commas or brackets, not beside a string.");
	return NULL;
}

int sql_bound_position(const struct sql_bound *b, int position)
{
	int shift = 0;

	for (size_t i = 0; i < b->n && b->places[i].start <= position; i++) {
		if (position < b->places[i].end)
			return b->places[i].asked;
		shift = b->places[i].asked_end - b->places[i].end;
	}
	return position ? position + shift : 0;
}
