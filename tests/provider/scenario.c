/* The scenario: rules tried in order; the first whose match, call and number of uses fit gives the reply. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "provider.h"

enum { USES = 256 };

struct use;
struct rule {
	regex_t *match; /* on the question; NULL: every one */
	regex_t *model;
	int64_t call;  /* -1: every call */
	int64_t times; /* it may be used; -1 without end */
	bool each;     /* by each question */
	int64_t used;
	struct use *uses[USES]; /* by each question, hashed */
	struct json_object *reply;
};

struct use {
	struct use *next;
	const char *question;
	int64_t n;
};

struct scenario {
	struct arena *a;
	struct rule *rules;
	size_t n;
	struct json_object *dflt;
};

#define NO_ANSWER \
	"{\"text\":\"My script has no answer to this question. Ask one of the questions that the scenario " \
	"file names.\"}"

static _Noreturn void wrong(const char *path, size_t rule, const char *why)
{
	fprintf(stderr, "scripted-provider: %s, rule %zu: %s\n", path, rule + 1, why);
	exit(1);
}

static struct str file_text(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long n;

	if (!f) {
		perror(path);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = arena_alloc(a, (size_t)n + 1);
	n = (long)fread(text, 1, (size_t)n, f);
	fclose(f);
	return (struct str){text, (size_t)n};
}

static regex_t *pattern(struct arena *a, const char *path, size_t i, const char *text)
{
	regex_t *r = text ? ARENA_NEW(a, regex_t) : NULL;

	if (r && regcomp(r, text, REG_EXTENDED | REG_ICASE | REG_NOSUB))
		wrong(path, i, "has a pattern that is not a regular expression");
	return r;
}

static void rule_read(struct arena *a, const char *path, size_t i, struct json_object *o, struct rule *r)
{
	r->match = pattern(a, path, i, json_get_str(o, "match"));
	r->model = pattern(a, path, i, json_get_str(o, "model"));
	r->call = json_get_i64(o, "call", -1);
	r->times = json_get_i64(o, "times", -1);
	r->each = json_get_bool(o, "each", false);
	r->reply = json_get(o, "reply");
	if (!r->reply)
		wrong(path, i, "has no reply");
	if (!fault_is_known(json_get_str(r->reply, "fail"), json_get_str(r->reply, "then")))
		wrong(path, i, "fails in a way that there is not");
}

struct scenario *scenario_load(struct arena *a, const char *path)
{
	struct scenario *s = ARENA_NEW(a, struct scenario);
	struct json_object *o = NULL, *rules;
	struct err *e = json_read(a, STR(NO_ANSWER), JSON_DEPTH, &s->dflt);

	s->a = a;
	if (!e && path)
		e = json_read(a, file_text(a, path), JSON_DEPTH, &o);
	if (e) {
		fprintf(stderr, "scripted-provider: %s: %s\n", path, err_text(e));
		exit(1);
	}
	rules = json_get_array(o, "rules");
	s->n = rules ? json_object_array_length(rules) : 0;
	s->rules = ARENA_ARRAY(a, struct rule, s->n);
	for (size_t i = 0; i < s->n; i++)
		rule_read(a, path, i, json_object_array_get_idx(rules, i), &s->rules[i]);
	return s;
}

static bool matches(const regex_t *pattern, const char *text)
{
	return !pattern || regexec(pattern, text, 0, NULL, 0) == 0;
}

/* How often the rule was used already, by this question or by all. */
static int64_t *used(struct scenario *s, struct rule *r, const char *question)
{
	unsigned hash = 5381;
	struct use **at;

	if (!r->each)
		return &r->used;
	for (const char *c = question; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	for (at = &r->uses[hash % USES]; *at; at = &(*at)->next)
		if (strcmp((*at)->question, question) == 0)
			return &(*at)->n;
	*at = ARENA_NEW(s->a, struct use);
	(*at)->question = arena_strdup(s->a, question);
	return &(*at)->n;
}

static bool fits(const struct rule *r, const struct question *q)
{
	return (r->call < 0 || r->call == q->call) && matches(r->model, q->model) &&
	       matches(r->match, q->text);
}

struct json_object *scenario_reply(struct scenario *s, const struct question *q)
{
	for (size_t i = 0; i < s->n; i++) {
		struct rule *r = &s->rules[i];
		int64_t *n;

		if (!fits(r, q))
			continue;
		n = used(s, r, q->text);
		if (r->times < 0 || (*n)++ < r->times)
			return r->reply;
	}
	return s->dflt;
}
