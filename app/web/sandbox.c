/*
 * Where artifacts run: a frame without an origin, whose document comes with headers that leave it nothing to reach. Code and
 * data come from the page around it (static/frame.js) through a port; docs/security.md says what closes which way out.
 */
#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "web/sandbox_priv.h"
#include "web/web_priv.h"

struct sandbox_view {
	const char *title;
};
static const struct view sandbox_view = VIEW(struct sandbox_view, VIEW_STR(struct sandbox_view, title));
WEB_PAGE(sandbox_page, "sandbox", sandbox_view);

/* Scripts are inline only: what runs was handed over as text, so that the frame has no address to ask for anything. No
 * 'unsafe-eval'. Every text that becomes markup goes through the policy "default" of the document. */
#define SANDBOX_CSP \
	"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:;" \
	" font-src data:; connect-src 'none'; media-src 'none'; object-src 'none'; frame-src 'none'; worker-src 'none';" \
	" manifest-src 'none'; form-action 'none'; base-uri 'none'; webrtc 'block'; require-trusted-types-for 'script';" \
	" trusted-types default; frame-ancestors "

static const char *const sandbox_headers[][2] = {
        /* What no Content-Security-Policy covers: WebRTC, connections ahead of links and navigation, look-ups of names. */
        {"Connection-Allowlist", "()"},
        {"X-DNS-Prefetch-Control", "off"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy",
         "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), clipboard-read=(), display-capture=(),"
         " encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(),"
         " local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(),"
         " publickey-credentials-get=(), screen-wake-lock=(), serial=(), storage-access=(), usb=(), xr-spatial-tracking=()"},
        /* The policy says frame-ancestors; a browser refuses a sandboxed document that asks for an opener policy. */
        {"X-Frame-Options", ""},
        {"Cross-Origin-Opener-Policy", ""},
};

struct err *web_sandbox_send(struct ctx *ctx, struct http_response *res, const char *ancestors)
{
	static const struct sandbox_view view = {.title = "Artifact"};

	http_set_header(res, "Content-Security-Policy", arena_printf(ctx->a, SANDBOX_CSP "%s", ancestors));
	for (size_t i = 0; i < sizeof(sandbox_headers) / sizeof(*sandbox_headers); i++)
		http_set_header(res, sandbox_headers[i][0], sandbox_headers[i][1]);
	return web_render(ctx, res, &sandbox_page, &view);
}

void web_sandbox_allow(struct http_response *res)
{
	http_set_header(res, "Content-Security-Policy", HTTP_PAGE_CSP "; frame-src 'self'");
}

struct err *web_artifact_sandbox(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact artifact;

	TRY(artifact_get(ctx, http_param_i64(req, "artifact"), 0, &artifact));
	return web_sandbox_send(ctx, res, "'self'");
}
