/* The reader shares no code with the renderer, so that a mistake in one is not a mistake in the other. */
#include "safe_html.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { OPEN_TAGS = 4096 };

static const struct {
	const char *tag;
	const char *attributes; /* "name name " */
	bool is_void;
} allowed[] = {
        {"a", "href title rel ", false},
        {"blockquote", "", false},
        {"br", "", true},
        {"code", "class ", false},
        {"del", "", false},
        {"em", "", false},
        {"h1", "", false},
        {"h2", "", false},
        {"h3", "", false},
        {"h4", "", false},
        {"h5", "", false},
        {"h6", "", false},
        {"hr", "", true},
        {"input", "type disabled checked ", true},
        {"li", "class ", false},
        {"ol", "start ", false},
        {"p", "", false},
        {"pre", "", false},
        {"span", "class data-run data-row data-col tabindex title ", false},
        {"strong", "", false},
        {"table", "", false},
        {"tbody", "", false},
        {"td", "align ", false},
        {"th", "align ", false},
        {"thead", "", false},
        {"tr", "", false},
        {"ul", "", false},
};

static const struct {
	const char *tag, *name, *value;
} fixed[] = {
        {"a", "rel", "noopener noreferrer nofollow"},
        {"li", "class", "task"},
        {"span", "tabindex", "0 -1"},
        {"span", "class", "num unproven visually-hidden"},
        {"input", "type", "checkbox"},
        {"td", "align", "left center right"},
        {"th", "align", "left center right"},
};

struct reader {
	struct str html;
	size_t pos;
	int open[OPEN_TAGS];
	size_t depth;
};

static char peek(const struct reader *r)
{
	return r->pos < r->html.n ? r->html.p[r->pos] : 0;
}

static bool take(struct reader *r, const char *s)
{
	size_t n = strlen(s);

	if (r->html.n - r->pos < n || memcmp(r->html.p + r->pos, s, n) != 0)
		return false;
	r->pos += n;
	return true;
}

static struct str take_of(struct reader *r, const char *set)
{
	size_t from = r->pos;

	while (peek(r) && strchr(set, peek(r)))
		r->pos++;
	return (struct str){r->html.p + from, r->pos - from};
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int tag_index(struct str name)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (str_is(name, allowed[i].tag))
			return (int)i;
	return -1;
}

/* An entity, which a bare & is not. */
static bool read_entity(struct reader *r)
{
	if (!take(r, "&"))
		return false;
	take(r, "#");
	return take_of(r, LOWER UPPER DIGITS).n > 0 && take(r, ";");
}

/* The address as a browser reads it: entities of our own escaping decoded, control characters dropped,
 * lower case. */
static size_t browser_address(struct str value, char *out, size_t size)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {{"&amp;", '&'}, {"&#39;", '\''}, {"&quot;", '"'}, {"&lt;", '<'}, {"&gt;", '>'}};
	size_t n = 0;

	for (size_t i = 0; i < value.n && n + 1 < size; i++) {
		char c = value.p[i];

		for (size_t e = 0; c == '&' && e < sizeof(entities) / sizeof(*entities); e++) {
			if (str_starts((struct str){value.p + i, value.n - i}, str_of(entities[e].entity))) {
				c = entities[e].c;
				i += strlen(entities[e].entity) - 1;
			}
		}
		if ((unsigned char)c > ' ')
			out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	out[n] = 0;
	return n;
}

static bool address_is_safe(struct str value)
{
	static const char *const schemes[] = {"http://", "https://", "mailto:"};
	char address[512];
	const char *colon;

	if (memchr(value.p, ' ', value.n) || (value.n && (unsigned char)value.p[0] <= ' '))
		return false;
	browser_address(value, address, sizeof(address));
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (!strncmp(address, schemes[i], strlen(schemes[i])))
			return true;
	if (address[0] == '\\' || (address[0] == '/' && (address[1] == '/' || address[1] == '\\')))
		return false;
	colon = strchr(address, ':');
	return !colon || strcspn(address, "/?#") < (size_t)(colon - address);
}

static bool value_is_allowed(const char *tag, struct str name, struct str value)
{
	if (str_is(name, "href"))
		return address_is_safe(value);
	if (!strcmp(tag, "code"))
		return str_starts(value, STR("language-")) && value.n > 9 &&
		       strspn(value.p, LOWER DIGITS "_+-") >= value.n;
	if (!strcmp(tag, "ol"))
		return strspn(value.p, DIGITS) == value.n;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (!strcmp(fixed[i].tag, tag) && str_is(name, fixed[i].name))
			return value.n && str_find(str_of(fixed[i].value), value) >= 0;
	return str_is(name, "title") || str_starts(name, STR("data-"));
}

static const char *read_attribute(struct reader *r, int tag, bool *rel)
{
	struct str name = take_of(r, LOWER "-"), value;
	char word[16];

	if (!name.n || name.n + 2 > sizeof(word))
		return "a strange attribute";
	memcpy(word, name.p, name.n);
	memcpy(word + name.n, " ", 2);
	if (!strstr(allowed[tag].attributes, word))
		return "an attribute that is not allowed";
	if (str_is(name, "disabled") || str_is(name, "checked"))
		return NULL;
	*rel = *rel || str_is(name, "rel");
	if (!take(r, "=\""))
		return "an attribute without a quoted value";
	value.p = r->html.p + r->pos;
	while (peek(r) != '"') {
		if (strchr("<>", peek(r)) || (peek(r) == '&' && !read_entity(r)))
			return "an attribute that is not escaped";
		if (peek(r) != '"')
			r->pos += peek(r) != '&';
	}
	value.n = (size_t)(r->html.p + r->pos - value.p);
	r->pos++;
	return value_is_allowed(allowed[tag].tag, name, value) ? NULL : "a value that is not allowed";
}

static const char *read_open(struct reader *r)
{
	int tag = tag_index(take_of(r, LOWER DIGITS));
	bool rel = false;

	if (tag < 0)
		return "a tag that is not allowed";
	while (peek(r) == ' ' && !take(r, " />")) {
		const char *wrong;

		r->pos++;
		wrong = read_attribute(r, tag, &rel);
		if (wrong)
			return wrong;
	}
	if (!strcmp(allowed[tag].tag, "a") && !rel)
		return "a link without rel";
	if (allowed[tag].is_void)
		return r->html.p[r->pos - 1] == '>' ? NULL : "a void tag that does not end";
	if (!take(r, ">"))
		return "a tag that does not end";
	if (r->depth < OPEN_TAGS)
		r->open[r->depth] = tag;
	r->depth++;
	return NULL;
}

static const char *read_close(struct reader *r)
{
	int tag = tag_index(take_of(r, LOWER DIGITS));

	if (!take(r, ">") || tag < 0 || !r->depth)
		return "a strange closing tag";
	r->depth--;
	return r->depth >= OPEN_TAGS || r->open[r->depth] == tag ? NULL : "tags that are not balanced";
}

static const char *read_next(struct reader *r)
{
	if (take(r, "</"))
		return read_close(r);
	if (take(r, "<"))
		return read_open(r);
	if (peek(r) == '&')
		return read_entity(r) ? NULL : "a bare &";
	if (peek(r) == '>' || peek(r) == '"')
		return "text that is not escaped";
	r->pos++;
	return NULL;
}

const char *safe_html_check(struct str html, size_t *at)
{
	struct reader r = {.html = html};
	const char *wrong = NULL;

	while (r.pos < html.n && !wrong) {
		*at = r.pos;
		wrong = read_next(&r);
	}
	if (!wrong && r.depth)
		wrong = "a tag that is not closed";
	return wrong;
}
