/* The gallery of a project: one's own artifacts and those that others show to all. */
#include <string.h>

#include "lib/arena.h"
#include "web/artifact_priv.h"
#include "web/sandbox_priv.h"

enum { A_PAGE = 60 };

struct item {
	int64_t id;
	const char *title;
	const char *kind;
	const char *label;
	bool framed; /* by the type: a frame can show it */
	const char *owner; /* NULL: the reader's own */
	const char *at;
	int64_t versions; /* 0: only one */
	bool shared;
};
static const struct view item_view =
        VIEW(struct item, VIEW_I64(struct item, id), VIEW_STR(struct item, title), VIEW_STR(struct item, kind),
             VIEW_STR(struct item, label), VIEW_BOOL(struct item, framed), VIEW_STR(struct item, owner), VIEW_STR(struct item, at),
             VIEW_I64(struct item, versions), VIEW_BOOL(struct item, shared));

struct gallery_view {
	struct web_layout *layout;
	const char *search;
	struct item *artifacts;
	size_t nartifacts;
	bool none;       /* nothing was made yet */
	bool empty;      /* nothing was found */
	int64_t older;   /* the last one shown, where there are more */
	int64_t deleted; /* the one that can be brought back */
};
static const struct view gallery_view =
        VIEW(struct gallery_view, VIEW_ONE(struct gallery_view, layout, &web_layout_view),
             VIEW_STR(struct gallery_view, search), VIEW_LIST(struct gallery_view, artifacts, nartifacts, &item_view),
             VIEW_BOOL(struct gallery_view, none), VIEW_BOOL(struct gallery_view, empty),
             VIEW_I64(struct gallery_view, older), VIEW_I64(struct gallery_view, deleted));
WEB_PAGE(gallery_page, "artifact/list", gallery_view);

static struct item item_of(struct arena *a, const struct artifact *x, int64_t reader)
{
	return (struct item){
	        .id = x->id,
	        .title = x->title,
	        .kind = x->type,
	        .label = artifact_type(x->type)->label,
	        .framed = artifact_type(x->type)->framed,
	        .owner = x->user_id == reader ? NULL : x->owner,
	        .at = web_time(a, x->updated_at),
	        .versions = x->n > 1 ? x->n : 0,
	        .shared = strcmp(x->visible, "project") == 0,
	};
}

static int64_t number_of(const struct http_request *req, const char *name)
{
	int64_t n;

	return str_to_i64(http_query(req, name), &n) && n > 0 ? n : 0;
}

struct err *web_artifacts(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct gallery_view v = {.layout = web_layout(ctx, req, "Artifacts", "artifacts"),
	                         .search = str_dup(ctx->a, str_trim(http_query(req, "q"))),
	                         .deleted = number_of(req, "deleted")};
	int64_t before = number_of(req, "before");
	struct artifact *list;

	TRY(artifact_list(ctx, person->project.id, v.search, before, A_PAGE + 1, &list, &v.nartifacts));
	if (v.nartifacts > A_PAGE) {
		v.nartifacts = A_PAGE;
		v.older = list[A_PAGE - 1].id;
	}
	v.artifacts = ARENA_ARRAY(ctx->a, struct item, v.nartifacts);
	for (size_t i = 0; i < v.nartifacts; i++)
		v.artifacts[i] = item_of(ctx->a, &list[i], person->id);
	v.none = !v.nartifacts && !*v.search && !before;
	v.empty = !v.nartifacts && !v.none;
	web_sandbox_allow(res);
	return web_render(ctx, res, &gallery_page, &v);
}
