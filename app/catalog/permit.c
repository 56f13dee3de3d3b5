/*
 * What the lists of a source or the rules of a role hide is hidden from everything that a dictionary says: tables,
 * references and keys, defaults (they name sequences after their table), names of indexes, and comments. Where a
 * role sees some rows only, or masked values, nothing tells of the others: no size, no samples.
 */
#include <string.h>
#include <strings.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "policy/policy.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80;
}

/* Where a name stands in the text as a word, in any case; '_' ends a word, so that "salaries_id_seq"
 * names salaries. */
static const char *find_name(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; n && *p; p++)
		if (!strncasecmp(p, name, n) && !is_word(p[n]) && (p == text || !is_word(p[-1])))
			return p;
	return NULL;
}

static bool speaks_of(const char *text, struct db_texts hidden)
{
	for (size_t i = 0; text && i < hidden.n; i++)
		if (find_name(text, hidden.p[i]))
			return true;
	return false;
}

bool catalog_names_hidden(const struct policy *policy, const char *text)
{
	return speaks_of(text, policy->excluded);
}

static const char *masked(struct arena *a, const char *text, struct db_texts hidden)
{
	for (size_t i = 0; text && i < hidden.n; i++) {
		struct buf b = buf_init(a, BUF_PAGE);
		const char *at;

		while ((at = find_name(text, hidden.p[i]))) {
			buf_printf(&b, "%.*s…", (int)(at - text), text);
			text = at + strlen(hidden.p[i]);
		}
		if (b.n)
			text = arena_printf(a, "%s%s", buf_cstr(&b), text);
	}
	return text;
}

static void permit_columns(struct arena *a, struct catalog_table *t, const struct policy *p)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		struct catalog_column *c = &t->columns[i];

		c->comment = masked(a, c->comment, p->excluded);
		if (speaks_of(c->dflt, p->excluded))
			c->dflt = NULL;
		if (!c->references_table || policy_allows_table(p, c->references_table))
			continue;
		c->references = NULL;
		c->references_table = NULL;
	}
}

static void permit_keys(struct catalog_table *t, const struct policy *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nconstraints; i++) {
		if (t->constraint_tables[i] && !policy_allows_table(p, t->constraint_tables[i]))
			continue;
		t->constraint_tables[kept] = t->constraint_tables[i];
		t->constraints[kept++] = t->constraints[i];
	}
	t->nconstraints = kept;
	kept = 0;
	for (size_t i = 0; i < t->nindexes; i++)
		if (!speaks_of(t->indexes[i], p->excluded))
			t->indexes[kept++] = t->indexes[i];
	t->nindexes = kept;
}

static void forget_values(struct catalog_column *c)
{
	c->nsamples = 0;
	c->low = c->high = NULL;
}

/* A masked column shows neither labels nor a default, and no index whose condition may hold a value of it. */
static void mask_column(struct catalog_table *t, const struct policy_mask *mask, bool tells)
{
	const char *name[] = {mask->column};
	size_t kept = 0;

	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!str_eq_nocase(str_of(t->columns[i].name), str_of(mask->column)))
			continue;
		forget_values(&t->columns[i]);
		t->columns[i].nenum_values = 0;
		t->columns[i].dflt = NULL;
		t->columns[i].mask = tells ? mask->kind : NULL;
	}
	for (size_t i = 0; i < t->nindexes; i++)
		if (!speaks_of(t->indexes[i], (struct db_texts){name, 1}))
			t->indexes[kept++] = t->indexes[i];
	t->nindexes = kept;
}

/* Rules count in any case of letters, as they do in a statement. */
static void keep_back(struct catalog_table *t, const struct policy *p)
{
	bool filtered = false;

	for (size_t r = 0; r < p->ntables; r++) {
		const struct policy_table *rules = &p->tables[r];

		if (!str_eq_nocase(str_of(rules->name), str_of(t->name)))
			continue;
		for (size_t i = 0; i < rules->nmasks; i++)
			mask_column(t, &rules->masks[i], p->tells_hidden);
		filtered = filtered || rules->filter;
	}
	if (!filtered)
		return;
	t->filtered = p->tells_hidden;
	t->rows = -1;
	for (size_t i = 0; i < t->ncolumns; i++)
		forget_values(&t->columns[i]);
}

static void permit_table(struct arena *a, struct catalog_table *t, const struct policy *p)
{
	t->comment = masked(a, t->comment, p->excluded);
	permit_columns(a, t, p);
	permit_keys(t, p);
	keep_back(t, p);
}

void catalog_permit(struct arena *a, struct catalog *c, const struct project_source *source,
                    const struct policy *policy)
{
	const struct policy lists = {.allowed = source->allowed, .excluded = source->excluded};
	const struct policy *p = policy ? policy : &lists;
	size_t kept = 0;

	c->ncolumns = 0;
	c->nhidden = 0;
	for (size_t i = 0; i < c->ntables; i++) {
		struct catalog_table *t = &c->tables[i];

		if (!policy_allows_table(p, t->name)) {
			c->nhidden += p->tells_hidden && policy_allows_table(&lists, t->name);
			continue;
		}
		permit_table(a, t, p);
		c->ncolumns += t->ncolumns;
		c->tables[kept++] = *t;
	}
	c->ntables = kept;
}
