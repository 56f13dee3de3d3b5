/*
 * Foreign text in what the model reads: of databases, of people, of models. It stands between tags that it cannot close and
 * cannot open, so that nothing in it passes for the program's own words.
 */
#include <ctype.h>
#include <string.h>

#include "agent/tool_priv.h"

void agent_put_line(struct buf *b, const char *text)
{
	struct str s = str_trim(str_of(text));
	bool space = false;

	for (size_t i = 0; i < s.n; i++) {
		bool blank = (unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f;

		if (!blank || !space)
			buf_add_char(b, blank ? ' ' : s.p[i]);
		space = blank;
	}
}

/* Whether a tag begins there: "<" or "</" and a letter, with blanks between as a lenient reader would take it. */
static bool is_tag(struct str s, size_t i)
{
	for (i++; i < s.n && (s.p[i] == '/' || (unsigned char)s.p[i] <= ' '); i++)
		;
	return i < s.n && (isalpha((unsigned char)s.p[i]) || s.p[i] == '!' || s.p[i] == '|' || s.p[i] == '?');
}

void agent_put_within(struct buf *b, const char *tag, struct str text)
{
	buf_printf(b, "\n<%s>\n", tag);
	for (size_t i = 0, from = 0; i <= text.n; i++) {
		if (i < text.n && (text.p[i] != '<' || !is_tag(text, i)))
			continue;
		buf_add(b, text.p + from, i - from);
		if (i < text.n)
			buf_add_cstr(b, "&lt;");
		from = i + 1;
	}
	buf_printf(b, "\n</%s>\n", tag);
}
