/*
 * Entities. Numeric ones are decoded, and of the named ones those that people write by hand; a browser
 * decodes the others. In addresses an entity that we do not know is left as the text that it is.
 */
#include "lib/buf.h"
#include "markdown/markdown_priv.h"

enum { LAST_CODE_POINT = 0x10ffff, REPLACEMENT = 0xfffd };

static const struct {
	const char *name, *text;
} named[] = {
        {"&amp;", "&"},       {"&lt;", "<"},     {"&gt;", ">"},     {"&quot;", "\""},  {"&apos;", "'"},
        {"&nbsp;", "\u00a0"}, {"&copy;", "©"},   {"&reg;", "®"},    {"&trade;", "™"},  {"&hellip;", "…"},
        {"&ndash;", "–"},     {"&mdash;", "—"},  {"&lsquo;", "‘"},  {"&rsquo;", "’"},  {"&ldquo;", "“"},
        {"&rdquo;", "”"},     {"&laquo;", "«"},  {"&raquo;", "»"},  {"&bull;", "•"},   {"&middot;", "·"},
        {"&times;", "×"},     {"&divide;", "÷"}, {"&plusmn;", "±"}, {"&deg;", "°"},    {"&micro;", "µ"},
        {"&frac12;", "½"},    {"&frac14;", "¼"}, {"&frac34;", "¾"}, {"&euro;", "€"},   {"&pound;", "£"},
        {"&yen;", "¥"},       {"&cent;", "¢"},   {"&sect;", "§"},   {"&para;", "¶"},   {"&rarr;", "→"},
        {"&larr;", "←"},      {"&uarr;", "↑"},   {"&darr;", "↓"},   {"&le;", "≤"},     {"&ge;", "≥"},
        {"&ne;", "≠"},        {"&infin;", "∞"},  {"&sum;", "∑"},    {"&auml;", "ä"},   {"&ouml;", "ö"},
        {"&uuml;", "ü"},      {"&Auml;", "Ä"},   {"&Ouml;", "Ö"},   {"&Uuml;", "Ü"},   {"&szlig;", "ß"},
        {"&eacute;", "é"},    {"&egrave;", "è"}, {"&agrave;", "à"}, {"&ccedil;", "ç"}, {"&ntilde;", "ñ"},
        {"&colon;", ":"},     {"&sol;", "/"},    {"&bsol;", "\\"},  {"&Tab;", "\t"},   {"&NewLine;", "\n"},
        {"&lpar;", "("},      {"&rpar;", ")"},   {"&num;", "#"},    {"&percnt;", "%"}, {"&period;", "."},
};

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xe0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_add_char(out, (char)(0xf0 | c >> 18));
		buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_add_char(out, (char)(0x80 | (c & 0x3f)));
}

static bool decode_number(struct str digits, int base, struct buf *out)
{
	uint32_t c = 0;

	if (!digits.n)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		int d = str_hex_digit(digits.p[i]);

		if (d < 0 || d >= base)
			return false;
		if (c <= LAST_CODE_POINT)
			c = c * (uint32_t)base + (uint32_t)d;
	}
	if (!c || c > LAST_CODE_POINT || (c >= 0xd800 && c < 0xe000))
		c = REPLACEMENT;
	add_utf8(out, c);
	return true;
}

bool entity_decode(struct str entity, struct buf *out)
{
	if (entity.n > 3 && entity.p[1] == '#') {
		bool hex = entity.p[2] == 'x' || entity.p[2] == 'X';
		size_t skip = hex ? 3 : 2;

		return decode_number((struct str){entity.p + skip, entity.n - skip - 1}, hex ? 16 : 10, out);
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
		if (str_is(entity, named[i].name)) {
			buf_add_cstr(out, named[i].text);
			return true;
		}
	}
	return false;
}
