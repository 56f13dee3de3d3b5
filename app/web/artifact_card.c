/* An artifact as the answer that made it shows it: a card with its frame, which opens beside the conversation. */
#include <string.h>

#include "lib/arena.h"
#include "web/artifact_priv.h"

struct web_artifact {
	int64_t id;
	int64_t version;
	const char *title;
	const char *kind;
	const char *label;
	bool framed;
	const char *html; /* of what is not framed */
	const char *code; /* where that cannot be rendered */
};
const struct view web_artifact_view =
        VIEW(struct web_artifact, VIEW_I64(struct web_artifact, id), VIEW_I64(struct web_artifact, version),
             VIEW_STR(struct web_artifact, title), VIEW_STR(struct web_artifact, kind),
             VIEW_STR(struct web_artifact, label), VIEW_BOOL(struct web_artifact, framed),
             VIEW_HTML(struct web_artifact, html), VIEW_STR(struct web_artifact, code));
WEB_PAGE(card_page, "chat/artifact", web_artifact_view);

static struct web_artifact card_of(struct arena *a, const struct artifact *x)
{
	const struct artifact_type *type = artifact_type(x->type);

	return (struct web_artifact){
	        .id = x->id,
	        .version = x->version.n,
	        .title = x->title,
	        .kind = x->type,
	        .label = type->label,
	        .framed = type->framed,
	        .html = type->framed ? NULL : artifact_html(a, x->version.code),
	        .code = x->version.code,
	};
}

struct err *web_artifacts_of_turn(struct ctx *ctx, int64_t turn_id, struct web_artifact **out, size_t *n)
{
	struct artifact *list;

	TRY(artifact_of_turn(ctx, turn_id, &list, n));
	*out = ARENA_ARRAY(ctx->a, struct web_artifact, *n);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = card_of(ctx->a, &list[i]);
	return NULL;
}

struct err *artifact_card_render(struct ctx *ctx, struct http_response *res, const struct artifact *artifact)
{
	struct web_artifact card = card_of(ctx->a, artifact);

	return web_render(ctx, res, &card_page, &card);
}
