/* SQL in colours, by itself and in rendered Markdown. The HTML of that is our own renderer's: what it writes around code is known to the byte. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "sql/sql.h"
#include "web/web_priv.h"

static const struct {
	const char *written;
	char c;
} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};

/* Languages that are SQL, as a fence may name them. */
static const char *const languages[] = {"sql", "postgresql", "postgres", "pgsql", "psql"};

/* The character that begins s, and how many bytes it is written with. */
static char unescaped(struct str s, size_t *n)
{
	for (size_t i = 0; *s.p == '&' && i < sizeof(entities) / sizeof(*entities); i++) {
		struct str e = str_of(entities[i].written);

		*n = e.n;
		if (str_starts(s, e))
			return entities[i].c;
	}
	*n = 1;
	return *s.p;
}

static struct str text_of(struct arena *a, struct str html)
{
	char *p = arena_alloc(a, html.n + 1);
	size_t n = 0, step;

	for (size_t i = 0; i < html.n; i += step)
		p[n++] = unescaped((struct str){html.p + i, html.n - i}, &step);
	return (struct str){p, n};
}

static bool is_sql(struct str language)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(*languages); i++)
		if (str_is(language, languages[i]))
			return true;
	return false;
}

/* The code of one block with the tag that opens it; html begins with that tag. */
static void add_code(struct arena *a, struct str html, size_t tag, struct buf *b)
{
	struct str code = {html.p + tag, html.n - tag};
	struct str language = str_chop(&code, '"');

	if (!is_sql(language) || !code.n) {
		buf_add_str(b, html);
		return;
	}
	buf_add_cstr(b, "<pre><code class=\"sql\">");
	sql_highlight(a, text_of(a, (struct str){code.p + 1, code.n - 1}), b); /* behind the > */
}

const char *web_sql_html(struct arena *a, const char *sql)
{
	struct buf b = buf_init(a, BUF_PAGE);

	sql_highlight(a, str_of(sql), &b);
	return buf_cstr(&b);
}

struct str web_code_html(struct arena *a, struct str html)
{
	static const struct str open = {"<pre><code class=\"language-", 27}, close = {"</code></pre>", 13};
	struct buf b = buf_init(a, BUF_PAGE);
	ptrdiff_t at, end;

	if (str_find(html, open) < 0)
		return html;
	while ((at = str_find(html, open)) >= 0) {
		struct str rest = {html.p + at, html.n - (size_t)at};
		if ((end = str_find(rest, close)) < 0)
			break;
		buf_add(&b, html.p, (size_t)at);
		add_code(a, (struct str){rest.p, (size_t)end}, open.n, &b);
		html = (struct str){rest.p + end, rest.n - (size_t)end};
	}
	buf_add_str(&b, html);
	return b.full ? STR("") : buf_str(&b);
}
