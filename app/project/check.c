/*
 * The fields of a project and a source, checked all at once, so that a form can be put right in one go. Texts
 * are checked by table; the bounds are those of the database's own constraints.
 */
#include "project/project_priv.h"

#include <string.h>

#include "lib/arena.h"

enum shape {
	LINE,     /* one line: no control characters */
	TEXT,     /* may have line breaks and tabs */
	SLUG,     /* [a-z0-9][a-z0-9-]* */
	WORD,     /* printable ASCII without spaces */
	HOST,     /* a name, an address, or an absolute directory; never a list */
	DATABASE, /* a line that cannot be taken for a connection string */
	CURRENCY, /* three capital letters */
};

struct text_rule {
	const char *field;
	size_t offset;
	size_t min, max; /* characters */
	enum shape shape;
	const char *sentence; /* what it has to be */
};

static const struct text_rule project_rules[] = {
        {"slug", offsetof(struct project, slug), 1, 63, SLUG,
         "The short name must have 1 to 63 lower-case letters, digits and hyphens, no hyphen first."},
        {"name", offsetof(struct project, name), 1, 200, LINE, "The name must have 1 to 200 characters."},
        {"description", offsetof(struct project, description), 0, 4000, TEXT,
         "The description must have at most 4000 characters."},
        {"prompt", offsetof(struct project, prompt), 0, 32000, TEXT,
         "The instructions must have at most 32000 characters."},
        {"currency", offsetof(struct project, currency), 3, 3, CURRENCY,
         "The currency must be three capital letters, like USD."},
};

static const struct text_rule model_rules[] = {
        {"model", offsetof(struct project_model, model), 0, 200, WORD,
         "The model must be a name of at most 200 characters without spaces."},
};

static const struct text_rule source_rules[] = {
        {"host", offsetof(struct project_source, host), 1, 255, HOST,
         "The host must be one host name, address or socket directory."},
        {"database", offsetof(struct project_source, database), 1, 63, DATABASE,
         "The database must be a name of 1 to 63 characters."},
        {"username", offsetof(struct project_source, username), 1, 63, LINE,
         "The user must be a name of 1 to 63 characters."},
        {"schema", offsetof(struct project_source, schema), 1, 63, LINE,
         "The schema must be a name of 1 to 63 characters."},
};

/* Tokens and prices are bounded so that their product is a number of 64 bits. */
#define PRICE(field) \
	{ \
		#field, offsetof(struct project_model, field), 0, 10000000000, \
		        "A price must be between 0 and 10000 for a million tokens." \
	}

struct number_rule {
	const char *field;
	size_t offset;
	int64_t min, max;
	const char *sentence;
};

static const struct number_rule number_rules[] = {
        {"row_cap", offsetof(struct project, row_cap), 1, 100000,
         "The row limit must be between 1 and 100000."},
        {"timeout_ms", offsetof(struct project, timeout_ms), 100, 600000,
         "The time limit must be between 0.1 and 600 seconds."},
        {"max_cost", offsetof(struct project, max_cost), 0, 1000000000000000,
         "The highest cost must be 0, for none, or the planner's units up to 10^15."},
        {"queries_a_minute", offsetof(struct project, queries_a_minute), 0, 100000,
         "The queries a minute must be between 0, for no limit, and 100000."},
        {"queries_at_once", offsetof(struct project, queries_at_once), 0, 1000,
         "The queries at once must be between 0, for no limit, and 1000."},
        {"queries_a_day", offsetof(struct project, queries_a_day), 0, 100000000,
         "The queries a day must be between 0, for no limit, and 100000000."},
        {"cache_seconds", offsetof(struct project, cache_seconds), 0, 604800,
         "The time that results are used again must be between 0 and 604800 seconds."},
        {"export_rows", offsetof(struct project, export_rows), 1, 1000000,
         "The rows of an export must be between 1 and 1000000."},
        {"turn_steps", offsetof(struct project, turn_steps), 0, 100,
         "The steps of an answer must be between 0, for this instance's limit, and 100."},
        {"turn_seconds", offsetof(struct project, turn_seconds), 0, 3600,
         "The time of an answer must be between 0, for this instance's limit, and 3600 seconds."},
        {"turn_tokens", offsetof(struct project, turn_tokens), 0, 100000000,
         "The tokens of an answer must be between 0, for no limit, and 100000000."},
        {"turn_cost", offsetof(struct project, turn_cost), 0, 1000000000000,
         "The cost of an answer must be between 0, for no limit, and 1000000."},
};

static const struct number_rule price_rules[] = {PRICE(price_in), PRICE(price_cached), PRICE(price_out)};

enum { MAX_SUGGESTIONS = 20, MAX_SUGGESTION = 300, MAX_TABLES = 5000, MAX_TABLE = 63, MAX_PASSWORD = 1000, MAX_KEY = 1000 };

static const char *const sslmodes[] = {"disable", "prefer", "require", "verify-ca", "verify-full"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void wrong(struct project_check *c, const char *field, const char *sentence)
{
	if (!c->first)
		c->first = field;
	buf_add_cstr(&c->detail, c->detail.n ? " " : "");
	buf_add_cstr(&c->detail, sentence);
}

static bool control(unsigned char ch)
{
	return ch < 0x20 || ch == 0x7f;
}

static bool fits_char(enum shape shape, unsigned char ch)
{
	switch (shape) {
	case TEXT: return !control(ch) || ch == '\n' || ch == '\r' || ch == '\t';
	case SLUG: return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-';
	case WORD: return ch > 0x20 && ch < 0x7f;
	case HOST: return ch > 0x20 && ch < 0x7f && !strchr(",@=\\'\"%?#", ch);
	case DATABASE: return !control(ch) && ch != '=';
	case CURRENCY: return ch >= 'A' && ch <= 'Z';
	case LINE: break;
	}
	return !control(ch);
}

static bool fits_whole(enum shape shape, struct str s)
{
	switch (shape) {
	case SLUG: return s.p[0] != '-';
	case HOST:
		/* A slash only where libpq takes the value for a directory. */
		return s.p[0] == '/' || !memchr(s.p, '/', s.n);
	case DATABASE: return str_find(s, STR("://")) < 0;
	default: return true;
	}
}

/* Characters of a text of that shape; -1 when it is not. */
static int64_t measure(enum shape shape, struct str s)
{
	int64_t chars = 0;
	size_t i, step;

	if (s.n && !fits_whole(shape, s))
		return -1;
	for (i = 0; i < s.n; i += step, chars++) {
		step = str_utf8_step((struct str){s.p + i, s.n - i});
		if (!step || !fits_char(shape, (unsigned char)s.p[i]))
			return -1;
	}
	return chars;
}

static bool fits(enum shape shape, const char *text, size_t min, size_t max)
{
	int64_t chars = measure(shape, str_of(text));

	return chars >= (int64_t)min && chars <= (int64_t)max;
}

static void check_texts(struct project_check *c, const void *object, const struct text_rule *rules, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char *const *text = (const char *const *)((const char *)object + rules[i].offset);

		if (!fits(rules[i].shape, *text, rules[i].min, rules[i].max))
			wrong(c, rules[i].field, rules[i].sentence);
	}
}

static void check_numbers(struct project_check *c, const void *object, const struct number_rule *rules,
                          size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const int64_t *number = (const int64_t *)((const char *)object + rules[i].offset);

		if (*number < rules[i].min || *number > rules[i].max)
			wrong(c, rules[i].field, rules[i].sentence);
	}
}

static bool list_fits(struct db_texts list, size_t most, size_t longest)
{
	size_t i;

	for (i = 0; i < list.n; i++)
		if (!fits(LINE, list.p[i], 1, longest))
			return false;
	return list.n <= most;
}

void project_check_project(struct project_check *c, const struct project *p)
{
	check_texts(c, p, project_rules, COUNT(project_rules));
	if (!list_fits(p->suggestions, MAX_SUGGESTIONS, MAX_SUGGESTION))
		wrong(c, "suggestions", "There may be 20 suggested questions of 1 to 300 characters each.");
	check_numbers(c, p, number_rules, COUNT(number_rules));
}

void project_check_model(struct project_check *c, const struct project_model *m)
{
	const char *why;

	if (m->place < 1 || m->place > PROJECT_MODELS)
		wrong(c, "place", "There are places 1 and 2.");
	if (!m->format || (*m->format && strcmp(m->format, "anthropic") != 0 && strcmp(m->format, "openai") != 0))
		wrong(c, "format", "The format must be anthropic or openai.");
	else if (*m->format && (why = project_address_wrong(m->url)))
		wrong(c, "url", why);
	check_texts(c, m, model_rules, COUNT(model_rules));
	if (!m->model || (m->format && *m->format && !*m->model))
		wrong(c, "model", "The model must have a name.");
	if (!fits(WORD, m->key, 0, MAX_KEY))
		wrong(c, "key", "The key must have at most 1000 characters, none of them a space.");
	check_numbers(c, m, price_rules, COUNT(price_rules));
}

void project_check_source(struct project_check *c, const struct project_source *s)
{
	check_texts(c, s, source_rules, COUNT(source_rules));
	if (s->port < 1 || s->port > 65535)
		wrong(c, "port", "The port must be between 1 and 65535.");
	if (!fits(LINE, s->password, 0, MAX_PASSWORD))
		wrong(c, "password",
		      "The password must have at most 1000 characters and no control characters.");
	if (project_sslmode_rank(s->sslmode) < 0)
		wrong(c, "sslmode",
		      "The TLS mode must be disable, prefer, require, verify-ca or verify-full.");
	if (!list_fits(s->allowed, MAX_TABLES, MAX_TABLE))
		wrong(c, "allowed", "The allowed tables must be names of 1 to 63 characters.");
	if (!list_fits(s->excluded, MAX_TABLES, MAX_TABLE))
		wrong(c, "excluded", "The excluded tables must be names of 1 to 63 characters.");
}

struct err *project_check_end(struct arena *a, const struct project_check *c, const char *what)
{
	struct err *e;

	if (!c->first)
		return NULL;
	e = err_code(err_new(a, ERR_INVALID, "the %s cannot be saved", what), c->first);
	return err_detail(e, "%s", buf_cstr(&c->detail));
}

int project_sslmode_rank(const char *sslmode)
{
	size_t i;

	for (i = 0; i < COUNT(sslmodes); i++)
		if (sslmode && strcmp(sslmode, sslmodes[i]) == 0)
			return (int)i;
	return -1;
}
