/* Text for a terminal, and whether it may have colours. */
#include "cli/plain_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *word(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

bool plain_colours(int fd)
{
	return isatty(fd) && !*word("NO_COLOR") && strcmp(word("TERM"), "dumb") != 0;
}

size_t plain_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Those of the first 32 bytes, DEL, and U+0080 to U+009F, which some terminals obey, too. */
size_t plain_control(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	if (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0)
		return 2;
	return c == 0x7f || (c < ' ' && c != '\n' && c != '\t');
}

void plain_put(FILE *f, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t skip = plain_control(s, i);

		if (!skip)
			fputc(s.p[i], f);
		i += skip ? skip : 1;
	}
}
