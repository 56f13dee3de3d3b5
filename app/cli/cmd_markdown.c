/* quern markdown: Markdown on standard input, safe HTML on standard output. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/input_priv.h"
#include "lib/buf.h"
#include "markdown/markdown.h"

static struct err *convert(struct arena *a, struct buf *out)
{
	struct str text;

	TRY(input_read(a, NULL, MARKDOWN_BYTES, &text));
	return markdown_html(a, text, out);
}

int cmd_markdown(struct ctx *ctx, int argc, char **argv)
{
	struct buf out = buf_init(ctx->a, BUF_PAGE);
	struct err *e;

	if (!cli_options(&argc, argv, NULL, 0) || argc != 1)
		return cli_usage("markdown");
	e = convert(ctx->a, &out);
	if (e)
		return cli_fail(e);
	fwrite(out.p, 1, out.n, stdout);
	return CLI_OK;
}
