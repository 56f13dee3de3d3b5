/* An empty chat: what the project's data is about, and questions to click. */
#include <string.h>

#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "web/web_priv.h"

enum { SUGGESTIONS = 6, MADE = 5, TABLES = 8 };

struct text {
	const char *text;
};

/* A table of the data, in words. */
struct table {
	const char *name;
	const char *url_name;
	const char *comment;
	const char *rows;   /* "41,000", NULL: not known */
	const char *period; /* "Jan 2024 – Dec 2025", or NULL */
};

struct web_welcome {
	const char *slug;
	const char *about; /* "9 tables with about 212,000 rows; orders from January 2024 to December 2025" */
	struct table *tables;
	size_t ntables;
	const char *more; /* "3 more tables" */
	struct text *suggestions;
	size_t nsuggestions;
};

static const struct view text_view = VIEW(struct text, VIEW_STR(struct text, text));
static const struct view table_view =
        VIEW(struct table, VIEW_STR(struct table, name), VIEW_STR(struct table, url_name),
             VIEW_STR(struct table, comment), VIEW_STR(struct table, rows), VIEW_STR(struct table, period));
const struct view web_welcome_view =
        VIEW(struct web_welcome, VIEW_STR(struct web_welcome, slug), VIEW_STR(struct web_welcome, about),
             VIEW_LIST(struct web_welcome, tables, ntables, &table_view), VIEW_STR(struct web_welcome, more),
             VIEW_LIST(struct web_welcome, suggestions, nsuggestions, &text_view));

/* About the data ------------------------------------------------------------------------------------------------ */

/* "2024-01-02 10:00:00+00" is "Jan 2024"; NULL for what is no date of our times, as the ends of time that some
 * databases know. */
static const char *month(struct arena *a, const char *date)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct str rest = str_of(date);
	int64_t y, m;

	if (!str_to_i64(str_chop(&rest, '-'), &y) || !str_to_i64(str_chop(&rest, '-'), &m))
		return NULL;
	return y < 1800 || y > 2199 || m < 1 || m > 12 ? NULL : arena_printf(a, "%s %lld", months[m - 1], (long long)y);
}

static const char *period(struct arena *a, const struct catalog_table *t, const char *between)
{
	const struct catalog_column *date = agent_main_date(t);
	const char *from = date && date->low ? month(a, date->low) : NULL;
	const char *to = from && date->high ? month(a, date->high) : NULL;

	if (!to)
		return NULL;
	return !strcmp(from, to) ? from : arena_printf(a, "%s%s%s", from, between, to);
}

/* Two digits say enough: the figures are the database's own guess. */
static int64_t rounded(int64_t n)
{
	int64_t unit = 1;

	while (n / unit >= 100)
		unit *= 10;
	return (n + unit / 2) / unit * unit;
}

/* The place of the table with the most rows among those that stand behind `from`. */
static size_t largest(const struct catalog_table *const *tables, size_t from, size_t n)
{
	size_t best = from;

	for (size_t i = from + 1; i < n; i++)
		if (tables[i]->rows > tables[best]->rows)
			best = i;
	return best;
}

static struct table row_of(struct arena *a, const struct catalog_table *t)
{
	struct buf url = buf_init(a, BUF_LINE);

	buf_add_url(&url, str_of(t->name));
	return (struct table){t->name, buf_cstr(&url), t->comment,
	                      t->rows < 0 ? NULL : web_count(a, rounded(t->rows), "row", "rows"), period(a, t, " – ")};
}

static void add_tables(struct arena *a, const struct catalog *c, struct web_welcome *v)
{
	const struct catalog_table **tables = ARENA_ARRAY(a, const struct catalog_table *, c->ntables);

	for (size_t i = 0; i < c->ntables; i++)
		tables[i] = &c->tables[i];
	v->tables = ARENA_ARRAY(a, struct table, TABLES);
	for (; v->ntables < TABLES && v->ntables < c->ntables; v->ntables++) {
		size_t next = largest(tables, v->ntables, c->ntables);
		const struct catalog_table *t = tables[next];

		tables[next] = tables[v->ntables];
		tables[v->ntables] = t;
		v->tables[v->ntables] = row_of(a, t);
	}
	if (c->ntables > v->ntables)
		v->more = web_count(a, (int64_t)(c->ntables - v->ntables), "more table", "more tables");
}

static const char *about(struct arena *a, const struct catalog *c)
{
	struct buf b = buf_init(a, BUF_LINE);
	const struct catalog_table *dated = NULL;
	int64_t rows = 0;

	for (size_t i = 0; i < c->ntables; i++) {
		const struct catalog_table *t = &c->tables[i];

		rows += t->rows > 0 ? t->rows : 0;
		if (period(a, t, "") && (!dated || t->rows > dated->rows))
			dated = t;
	}
	buf_add_cstr(&b, web_count(a, (int64_t)c->ntables, "table", "tables"));
	if (rows)
		buf_printf(&b, " with about %s", web_count(a, rounded(rows), "row", "rows"));
	if (dated)
		buf_printf(&b, "; %s from %s", dated->name, period(a, dated, " to "));
	return buf_cstr(&b);
}

/* Questions ----------------------------------------------------------------------------------------------------- */

static void offer(struct web_welcome *v, const char *question)
{
	v->suggestions[v->nsuggestions++].text = question;
}

/* Those that the project's admin wrote, without what names tables that this person may not see; without a model, or
 * where nothing was written, questions made from the dictionary. */
static void suggest(struct arena *a, const struct project *project, const struct web_sight *sight, bool model,
                    struct web_welcome *v)
{
	static const struct catalog none;
	const char *made[MADE];

	v->suggestions = ARENA_ARRAY(a, struct text, SUGGESTIONS);
	for (size_t i = 0; model && i < project->suggestions.n && v->nsuggestions < SUGGESTIONS; i++)
		if (!catalog_names_hidden(sight->policy, project->suggestions.p[i]))
			offer(v, project->suggestions.p[i]);
	if (v->nsuggestions)
		return;
	size_t n = agent_questions(a, sight->catalog ? sight->catalog : &none, model, made, MADE);
	for (size_t i = 0; i < n; i++)
		offer(v, made[i]);
}

struct err *web_welcome_fill(struct ctx *ctx, const struct web_reader *who, bool model, struct web_welcome **out)
{
	struct web_welcome *v = *out = ARENA_NEW(ctx->a, struct web_welcome);
	struct web_sight sight;

	v->slug = who->project->slug;
	TRY(web_sight(ctx, who->project, who->role, &sight));
	suggest(ctx->a, who->project, &sight, model, v);
	if (!sight.catalog || !sight.catalog->ntables)
		return NULL;
	v->about = about(ctx->a, sight.catalog);
	add_tables(ctx->a, sight.catalog, v);
	return NULL;
}
