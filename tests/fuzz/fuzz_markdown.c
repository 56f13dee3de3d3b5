/* Whatever the text, the HTML passes the strict reader of the unit tests. */
#include "markdown/markdown.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/safe_html.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct buf out = buf_init(a, BUF_PAGE);
	size_t at = 0;

	if (!markdown_html(a, (struct str){(const char *)data, size}, &out)) {
		const char *wrong = safe_html_check(buf_str(&out), &at);

		if (wrong) {
			fprintf(stderr, "%s at %zu of\n%s\n", wrong, at, buf_cstr(&out));
			abort();
		}
	}
	arena_free(a);
	return 0;
}
