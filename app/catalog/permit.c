/*
 * What the lists of a source hide is hidden from everything that a dictionary says: tables, references
 * and keys, defaults (they name sequences after their table), names of indexes, and comments.
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

void catalog_permit(struct arena *a, struct catalog *c, const struct project_source *source)
{
	const struct policy p = {.allowed = source->allowed, .excluded = source->excluded};
	size_t kept = 0;

	c->ncolumns = 0;
	for (size_t i = 0; i < c->ntables; i++) {
		struct catalog_table *t = &c->tables[i];

		if (!policy_allows_table(&p, t->name))
			continue;
		t->comment = masked(a, t->comment, p.excluded);
		permit_columns(a, t, &p);
		permit_keys(t, &p);
		c->ncolumns += t->ncolumns;
		c->tables[kept++] = *t;
	}
	c->ntables = kept;
}
